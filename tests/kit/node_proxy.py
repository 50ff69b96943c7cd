"""A real HTTP server in front of a node, which passes requests on, or lags, lies, refuses, hangs or breaks off.

with NodeProxy(node.url) as proxy:
    proxy.behave = refuses(429)
"""

import json
import threading
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Request = dict[str, Any]
Behaviour = Callable[["NodeProxy", Request], tuple[int, Any]]
"""Status and JSON of the answer to a request; an exception breaks the connection off."""


def honest(proxy: "NodeProxy", request: Request) -> tuple[int, Any]:
    """Passes the request on."""
    return 200, proxy.forward(request)


def refuses(status: int, error: Any = None) -> Behaviour:
    """Answers every request with this status, and with a JSON-RPC error if one is given."""
    body = {} if error is None else {"jsonrpc": "2.0", "id": 1, "error": error}
    return lambda _proxy, _request: (status, body)


def dead(_proxy: "NodeProxy", _request: Request) -> tuple[int, Any]:
    """Breaks the connection off."""
    raise ConnectionAbortedError


def hangs(proxy: "NodeProxy", _request: Request) -> tuple[int, Any]:
    """Answers nothing until the proxy ends."""
    proxy.ending.wait()
    raise ConnectionAbortedError


def lies(**changes: Callable[[Request, Any], Any]) -> Behaviour:
    """Changes the results of these methods: each gets the request and the true result."""

    def behave(proxy: "NodeProxy", request: Request) -> tuple[int, Any]:
        answer = proxy.forward(request)
        if request["method"] in changes and "result" in answer:
            answer["result"] = changes[request["method"]](request, answer["result"])
        return 200, answer

    return behave


def stands_at(block: int) -> Behaviour:
    """Knows the chain up to this block, as a node does that has lost its peers."""
    at = hex(block)

    def behave(proxy: "NodeProxy", request: Request) -> tuple[int, Any]:
        params = [at if param in ("latest", "pending") else param for param in request["params"]]
        answer = proxy.forward({**request, "params": params})
        if request["method"] == "eth_blockNumber":
            answer["result"] = at
        found = answer.get("result")
        later = (
            isinstance(found, dict) and int(str(found.get("blockNumber") or found.get("number") or "0x0"), 16) > block
        )
        if later and request["method"] in ("eth_getBlockByNumber", "eth_getTransactionReceipt"):
            answer["result"] = None
        return 200, answer

    return behave


class NodeProxy:
    """Listens on a port of its own.

    Attributes:
        behave: What it does with each request.
        asked: Methods of the requests that came.
        ending: Set when it ends.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.behave: Behaviour = honest
        self.asked: list[str] = []
        self.ending = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def forward(self, request: Request) -> Any:
        """The node's answer."""
        head = {"Content-Type": "application/json"}
        passed = urllib.request.Request(self._url, json.dumps(request).encode(), head)
        with urllib.request.urlopen(passed, timeout=600) as answer:
            return json.load(answer)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                proxy.asked.append(request["method"])
                try:
                    status, answer = proxy.behave(proxy, request)
                except ConnectionAbortedError:
                    self.close_connection = True
                    return
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        return Handler
