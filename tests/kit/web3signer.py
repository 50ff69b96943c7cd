"""A working signer with Web3Signer's HTTP API (mode ``eth1``): it holds real keys, and refuses what that refuses."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from eth_keys import keys
from eth_utils.crypto import keccak

HEX = re.compile(r"0x([0-9a-fA-F]{2})*")


class Web3Signer:
    """Listens on a port of its own, by which it is found again after ``stop`` and ``start``.

    Attributes:
        prefixed: It signs as ``eth_sign`` does, over a prefixed hash, and not over the hash of the data alone.
        signed: Data that it signed.
    """

    def __init__(self, *private: bytes) -> None:
        self._keys = {key.public_key.to_hex()[2:]: key for key in map(keys.PrivateKey, private)}
        self.prefixed = False
        self.signed: list[bytes] = []
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listens."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        self._server.daemon_threads = True
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, str]:
        """Status and body."""
        if (method, path) == ("GET", "/upcheck"):
            return 200, "OK"
        if (method, path) == ("GET", "/api/v1/eth1/publicKeys"):
            return 200, json.dumps(["0x" + public for public in self._keys])
        found = re.fullmatch(r"/api/v1/eth1/sign/(?:0x)?([0-9a-fA-F]+)", path)
        if method != "POST" or not found:
            return 404, ""
        try:
            data = json.loads(body)["data"]
        except (ValueError, KeyError, TypeError):
            return 400, ""
        if not isinstance(data, str) or not HEX.fullmatch(data):
            return 400, ""
        key = self._keys.get(found[1].lower())
        if key is None:
            return 404, ""
        content = bytes.fromhex(data[2:])
        self.signed.append(content)
        if self.prefixed:
            content = b"\x19Ethereum Signed Message:\n" + str(len(content)).encode() + content
        made = key.sign_msg_hash(keccak(content))
        return 200, "0x" + made.to_bytes()[:64].hex() + bytes([27 + made.v]).hex()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        signer = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = signer.answer(self.command, self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer.encode())

            def do_GET(self) -> None:
                self._serve()

            def do_POST(self) -> None:
                self._serve()

            def log_message(self, *_: object) -> None:
                return

        return Handler
