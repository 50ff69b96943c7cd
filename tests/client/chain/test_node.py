"""How a node is reached, and what its errors mean."""

import itertools
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from assay.chain.node import Node
from assay.chain.rpc import nodes
from assay.chain.rpc.endpoint import hex_runs
from assay.chain.values import Block
from assay.errors import ChainError, NodeUnreachable, WrongChain
from tests.kit.json_rpc_node import BLOCK_SECONDS, JsonRpcNode


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "_PAUSE_SECONDS", 0.01)


@pytest.mark.integration
@pytest.mark.parametrize("body", [b"<html>hello</html>", b"\xff\xfe", b'{"jsonrpc":"2.0","id":0,"result":"zz"}'])
def test_what_answers_is_no_node(body: bytes) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        node = Node(f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(ChainError, match="unexpected answer from the node") as raised:
            node.block_number()
        server.shutdown()
    assert "check the URL" in str(raised.value.hint)


@pytest.mark.unit
def test_blocks_are_read_by_number() -> None:
    memory = JsonRpcNode()
    memory.mine(2)
    node = Node(memory)
    latest = node.latest()
    assert latest == node.block() == node.block(2)
    assert (latest.number, latest.time, node.block_number()) == (2, 2 * BLOCK_SECONDS, 2)
    assert isinstance(node.block(1), Block)
    assert node.block(3) is None


@pytest.mark.unit
def test_node_that_does_not_answer() -> None:
    memory = JsonRpcNode()
    memory.down = True
    with pytest.raises(NodeUnreachable, match="no answer from the node") as raised:
        Node(memory).block_number()
    assert "start the node" in str(raised.value.hint)


@pytest.mark.unit
def test_next_endpoint_is_asked_where_one_does_not_answer() -> None:
    first, second = JsonRpcNode(), JsonRpcNode()
    second.mine(5)
    node = Node(first, second)
    assert node.block_number() == 0
    first.down = True
    assert node.block_number() == 5
    first.down = False
    assert node.block_number() == 5, "the endpoint that answered last is asked first"
    second.down = True
    assert node.block_number() == 0
    first.down = True
    with pytest.raises(NodeUnreachable):
        node.block_number()


@pytest.mark.unit
def test_one_setting_names_several_endpoints() -> None:
    assert Node("http://one.example/secret, https://two.example").url == "http://one.example, https://two.example"


@pytest.mark.unit
@pytest.mark.parametrize("down_first", [True, False], ids=["from_the_start", "later"])
def test_endpoint_of_another_chain_is_not_asked_for_its_state(down_first: bool) -> None:
    first, second = JsonRpcNode(), JsonRpcNode()
    second.chain_id = 1
    node = Node(first, second)
    if down_first:
        first.down = True
        node.chain_id()
        first.down, second.down = False, True
    else:
        assert node.block_number() == 0
        first.down = True
    with pytest.raises(WrongChain, match="expected one chain") as raised:
        node.block_number()
    assert "one chain" in str(raised.value.hint)


@pytest.mark.unit
def test_one_endpoint_is_not_asked_for_its_chain() -> None:
    memory = JsonRpcNode()
    Node(memory).block_number()
    assert memory.requests == 1


@pytest.mark.unit
@pytest.mark.parametrize("length", [1, 2, 3, 7, 1000])
def test_digits_are_found_in_a_text_however_it_is_cut(length: int) -> None:
    text = b'{"input":"0xffabcd01","x":"abc","input":"0xABCD","y":"0xabcdabcd"}  abcd'
    pieces = [text[at : at + length] for at in range(0, len(text), length)]
    assert list(hex_runs(pieces, b"abcd")) == [b"abcd01", b"abcd", b"abcdabcd"]


@pytest.mark.unit
def test_text_without_end_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where nothing is found nor in one run of digits."""
    monkeypatch.setattr("assay.chain.rpc.endpoint.MOST_ANSWER_BYTES", 1000)
    assert list(hex_runs(itertools.repeat(b"0" * 2**10, 2**10), b"abcd")) == []
    (run,) = hex_runs(itertools.chain([b"abcd"], itertools.repeat(b"0" * 100, 2**10)), b"abcd")
    assert 1000 <= len(run) <= 1200
