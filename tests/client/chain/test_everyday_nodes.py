"""Nodes as people name them: without EIP-1559, behind a limit or a key, still synchronising, or no node at all."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from scripts.localnet import CEILING, ETHER, Node, anvil, eventually
from web3.types import RPCEndpoint, RPCResponse

from assay.bounded_http import Answer, NoAnswer
from assay.chain import sender
from assay.chain.node import Node as ChainNode
from assay.chain.remedies import remedy_of_node
from assay.chain.rpc.endpoint import HttpEndpoint, HttpRefusal, response_of
from assay.chain.settlement import SettlementClient
from assay.errors import ChainError, NodeUnreachable, SettingsError, TransactionPending
from assay.protocol.types import NATIVE_TOKEN
from tests.kit.hostile_server import HostileServer, answer, in_turn

account: LocalAccount = Account.from_key(b"\x61" * 32)
unit = pytest.mark.unit
integration = pytest.mark.integration

# --- what is named ----------------------------------------------------------------------------------------------------


@unit
@pytest.mark.parametrize(
    "url", ["nonsense", "", "127.0.0.1:8545", "ws://node.example", "/tmp/node.ipc", "http://", "http://["]
)
def test_what_is_no_url_of_a_node_is_told_with_what_to_name(url: str) -> None:
    with pytest.raises(SettingsError, match="expected the node's URL") as raised:
        ChainNode(url)
    assert "--node" in str(raised.value.hint)


@unit
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8545", "https://node.example/", "https://user:word@node.example/v3/k?a=b"]
)
def test_url_of_a_node_in_any_form(url: str) -> None:
    assert "word" not in ChainNode(url).url


# --- what it answers --------------------------------------------------------------------------------------------------

RESULT = b'{"jsonrpc":"2.0","id":0,"result":"0x7"}'
ERROR = b'{"jsonrpc":"2.0","id":0,"error":{"code":%d,"message":"%s"}}'


@unit
@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (429, b"", NoAnswer),
        (429, ERROR % (-32005, b"daily request count exceeded"), NoAnswer),
        (200, ERROR % (-32005, b"project ID request rate exceeded, rate limit"), NoAnswer),
        (200, ERROR % (-32005, b"project ID request rate exceeded"), NoAnswer),
        (200, ERROR % (-32005, b"You've exceeded the RPS limit available on the current plan."), NoAnswer),
        (200, ERROR % (-32000, b"max calls per sec limit reached (25/sec)"), NoAnswer),
        (200, ERROR % (-32007, b"50/second request limit reached"), NoAnswer),
        (200, ERROR % (429, b"Your app has exceeded its compute units per second capacity"), NoAnswer),
        (500, b"<html></html>", NoAnswer),
        (502, b"<html></html>", NoAnswer),
        (503, ERROR % (-32000, b"no backends available"), NoAnswer),
        (504, b"", NoAnswer),
        (401, b"Must be authenticated!", HttpRefusal),
        (403, b"<html></html>", HttpRefusal),
        (404, b"not found", HttpRefusal),
        (200, b"<html></html>", ValueError),
        (200, b"[" * 100_000, ValueError),
    ],
)
def test_answer_without_a_result(status: int, body: bytes, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        response_of(Answer(status, {}, body))


@unit
@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_error_of_json_rpc_is_one_whatever_the_status(status: int) -> None:
    assert "error" in response_of(Answer(status, {}, ERROR % (-32602, b"range 2000 exceeds limit of 1000")))


@unit
@pytest.mark.parametrize(
    "message",
    [
        b"range 2000 exceeds limit of 1000",
        b"exceed maximum block range: 5000",
        b"query returned more than 10000 results",
        b"eth_getLogs is limited to a 10,000 range",
        b"Log response size exceeded. this block range should work: [0x1, 0x2]",
        b"block range is too wide",
        b"requested too many blocks from 0 to 16777216, maximum is set to 2048",
        b"Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range",
        b"query timeout exceeded",
        b"you can make eth_getLogs requests with up to a 500 block range",
        b"limit exceeded",
    ],
)
def test_refusal_of_a_range_is_not_taken_for_a_limit_of_requests(message: bytes) -> None:
    """The one is answered by a narrower range, the other by waiting."""
    assert "error" in response_of(Answer(200, {}, ERROR % (-32005, message)))


@unit
@pytest.mark.parametrize(
    "message", [b"execution reverted: too many requests", b"VM execution error. Reverted rate limit"]
)
def test_contract_whose_words_are_those_of_a_limit_is_not_taken_for_a_silent_node(message: bytes) -> None:
    """A stranger's wallet chooses them: each call of it would be repeated, and hold up what waits for the answer."""
    assert "error" in response_of(Answer(200, {}, ERROR % (3, message)))


@unit
@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("insufficient funds for gas * price + value", "send native coin"),
        ("replacement transaction underpriced", "same key"),
        ("nonce too low: next nonce 5, tx nonce 4", "same key"),
        ("history has been pruned for this block", "`block` in the deployment record"),
        ("pruned history unavailable", "keeps logs"),
        ("the method trace_transaction does not exist/is not available", "serves this method"),
        ("Unauthorized: invalid API key", "--node"),
    ],
)
def test_refusal_of_a_node_comes_with_a_remedy(message: str, remedy: str) -> None:
    assert remedy in str(remedy_of_node(message))
    assert remedy_of_node("execution reverted") is None


@integration
def test_node_that_limits_requests_is_asked_again_after_the_time_it_names() -> None:
    behaviour = in_turn(answer(b"", "429 Too Many", Retry_After=2), answer(b"", "503 Restarting"), answer(RESULT))
    waits: list[float] = []
    with HostileServer(behaviour) as server:
        endpoint = HttpEndpoint(server.url + "/")
        endpoint._wait = lambda seconds: bool(waits.append(seconds))  # type: ignore[arg-type, func-returns-value]
        assert ChainNode(endpoint).block_number() == 7
    assert waits == [2, 0.5]


@integration
def test_node_that_goes_on_refusing_requests_is_one_that_does_not_answer() -> None:
    with HostileServer(answer(ERROR % (-32005, b"rate limit exceeded"), "429 Too Many")) as server:
        endpoint = HttpEndpoint(server.url)
        endpoint._wait = lambda _: False  # type: ignore[assignment]
        with pytest.raises(NodeUnreachable, match="rate limit exceeded"):
            ChainNode(endpoint).block_number()


@integration
def test_node_behind_a_key_fails_over_to_the_next() -> None:
    with HostileServer(answer(b"no", "401 Unauthorized")) as closed, HostileServer(answer(RESULT)) as open_:
        assert ChainNode(closed.url, open_.url).block_number() == 7


# --- on Anvil ---------------------------------------------------------------------------------------------------------

Answers = dict[str, Callable[[Any], Any]]


class Changed(HttpEndpoint):
    """Anvil with other results: by method, what becomes of a result; None for a method that it does not serve."""

    def __init__(self, url: str, changes: dict[str, Callable[[Any], Any] | None]) -> None:
        super().__init__(url)
        self._changes = changes

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        if self._changes.get(method, True) is None:
            error = {"code": -32601, "message": f"the method {method} does not exist/is not available"}
            return {"jsonrpc": "2.0", "id": 1, "error": error}  # type: ignore[typeddict-item]
        response = super().make_request(method, params)
        change = self._changes.get(method)
        if change and response.get("result") is not None:
            response["result"] = change(response["result"])
        return response


def without_base_fee(block: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name != "baseFeePerGas"}


def sealed_by_authority(block: dict[str, Any]) -> dict[str, Any]:
    return {**block, "extraData": "0x" + 97 * "ab"}


NO_TIP = {"eth_maxPriorityFeePerGas": None, "eth_feeHistory": None}
NODES: dict[str, dict[str, Any]] = {
    "before_eip_1559": {"eth_getBlockByNumber": without_base_fee, **NO_TIP},
    "without_fee_history": NO_TIP,
    "proof_of_authority": {"eth_getBlockByNumber": sealed_by_authority},
    "without_eth_syncing": {"eth_syncing": None},
    "almost_synchronised": {"eth_syncing": lambda _: {"currentBlock": "0x64", "highestBlock": "0x66"}},
}


class Place:
    def __init__(self, node: Node, folder: Path) -> None:
        self.node = node
        self.deployment = node.deploy(folder / "31337.json")
        node.fund(account.address, 100 * ETHER)

    def chain(self, changes: dict[str, Any] | None = None, **options: Any) -> SettlementClient:
        node = ChainNode(Changed(self.node.url, changes or {}))
        return SettlementClient.of(node, self.deployment, account=account, **options)


@pytest.fixture(scope="module")
def anvil_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("nodes")
    with anvil(folder / "anvil.log") as node:
        yield Place(node, folder)


@pytest.fixture
def place(anvil_place: Place) -> Iterator[Place]:
    with anvil_place.node.snapshot():
        yield anvil_place
        anvil_place.node.rpc("evm_setAutomine", True)


@integration
@pytest.mark.parametrize("name", NODES)
def test_transaction_through_a_node(place: Place, name: str) -> None:
    chain = place.chain(NODES[name])
    chain.check()
    assert chain.deposit(NATIVE_TOKEN, 5).gas > 0
    assert chain.credit(NATIVE_TOKEN, account.address) == 5


@integration
def test_node_that_is_still_synchronising_is_not_used(place: Place) -> None:
    behind = {"eth_syncing": lambda _: {"currentBlock": "0x64", "highestBlock": "0x2000"}}
    with pytest.raises(ChainError, match="still synchronising: it has block 100 of 8192") as raised:
        place.chain(behind).check()
    assert "--node" in str(raised.value.hint)


@integration
def test_two_commands_with_one_key_at_once_are_both_mined(place: Place) -> None:
    """Both see the same number at first; the node takes the one and refuses the other."""
    stale = iter(["0x0"])
    shown = int(place.node.rpc("eth_getTransactionCount", account.address, "latest"), 16)

    def one_behind(result: str) -> str:
        return hex(shown) if next(stale, None) else result

    place.node.rpc("evm_setAutomine", False)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(place.chain().deposit, NATIVE_TOKEN, 1)
        eventually(lambda: place.chain().unmined() == 1 or first.done())
        second = pool.submit(place.chain({"eth_getTransactionCount": one_behind}).deposit, NATIVE_TOKEN, 2)
        eventually(lambda: place.chain().unmined() == 2 or second.done())
        place.node.rpc("evm_mine")
        assert first.result(CEILING).hash != second.result(CEILING).hash
    assert place.chain().credit(NATIVE_TOKEN, account.address) == 3


@integration
def test_transaction_whose_place_another_took_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    chain, other = place.chain(timeout=0.2), place.chain()
    monkeypatch.setattr(sender, "FEE_OFFERS", 1)
    place.node.rpc("evm_setAutomine", False)
    submit = chain._sender._submit

    def replaced(transaction: Any) -> Any:
        digest = submit(transaction)
        other._sender._submit(
            {
                **transaction,
                "value": 7,
                "maxFeePerGas": 4 * transaction["maxFeePerGas"],
                "maxPriorityFeePerGas": 4 * transaction["maxPriorityFeePerGas"],
            }
        )
        place.node.rpc("evm_mine")
        return digest

    monkeypatch.setattr(chain._sender, "_submit", replaced)
    with pytest.raises(TransactionPending, match="took the place of") as raised:
        chain.deposit(NATIVE_TOKEN, 1)
    assert "one after the other" in str(raised.value.hint)
