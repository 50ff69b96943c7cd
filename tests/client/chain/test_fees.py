"""What a node names for a transaction costs an account no more than its owner allows, and ends in no traceback."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_account.typed_transactions import TypedTransaction
from eth_utils.abi import function_abi_to_4byte_selector, function_signature_to_4byte_selector
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from rlp import decode
from web3.types import RPCEndpoint, RPCResponse

from assay.bounded_http import NoAnswer
from assay.chain import sender
from assay.chain.gas import DEFAULT_MAX_FEE
from assay.chain.interface import contract_interface
from assay.chain.node import Node
from assay.chain.settlement import SettlementClient
from assay.chain.values import Transaction
from assay.errors import AssayError, ChainError, FeeTooHigh, TransactionPending
from assay.protocol.structs import Order
from assay.protocol.tree import ChunkProof
from assay.protocol.types import NATIVE_TOKEN
from tests.kit.actors import CONTRACT, DOMAIN
from tests.kit.json_rpc_node import MODEL, JsonRpcNode

pytestmark = pytest.mark.unit

account: LocalAccount = Account.from_key(b"\x71" * 32)
GWEI = 10**9
GAS = 80_000
LIMIT = GAS * 5 // 4
"""Gas limit that follows from the estimate ``GAS``."""
HEAD = "eth_getBlockByNumber"


class Clock:
    """The sender's clock: each wait takes a second of it, and none of ours."""

    def __init__(self) -> None:
        self.now = 0.0
        self._later: list[tuple[float, Callable[[], None]]] = []

    def at(self, time: float, what: Callable[[], None]) -> None:
        """Lets something happen at a time."""
        self._later.append((time, what))

    def monotonic(self) -> float:
        return self.now

    def sleep(self, _: float) -> None:
        self.now += 1
        for time, what in self._later:
            if self.now == time:
                what()


class PayingNode(JsonRpcNode):
    """A node that takes transactions and mines the first that it took once the clock shows ``mined_at``.

    ``changed`` has the answers that it gives in place of its own, by method; an exception is raised.
    """

    def __init__(self, clock: Clock, *, base: int | None = 10 * GWEI, tip: int = GWEI) -> None:
        super().__init__()
        for function in ("deposit(address,uint256)", "requestOracleBondExit(bytes32)"):
            self.views[function_signature_to_4byte_selector(function)] = b""
        self.clock = clock
        self.base = base
        self.tip = tip
        self.mined_at = 0.0
        self.sent: list[bytes] = []
        self.changed: dict[str, Any] = {}

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        known = {
            "eth_estimateGas": lambda: hex(GAS),
            "eth_gasPrice": lambda: hex((self.base or 0) + self.tip),
            "eth_maxPriorityFeePerGas": lambda: hex(self.tip),
            "eth_getTransactionCount": lambda: hex(7),
            "eth_sendRawTransaction": lambda: self._take(params[0]),
            "eth_getTransactionReceipt": lambda: self.receipt(params[0]),
            "eth_getTransactionByHash": lambda: None,
            HEAD: lambda: self.block(),
        }
        own = known[method]() if method in known else super().make_request(method, params)["result"]
        answer = self.changed.get(method, own)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, dict) and "code" in answer:
            return {"jsonrpc": "2.0", "id": 1, "error": answer}  # type: ignore[typeddict-item]
        return {"jsonrpc": "2.0", "id": 1, "result": answer}

    def block(self) -> dict[str, Any]:
        fee = {} if self.base is None else {"baseFeePerGas": hex(self.base)}
        return {**(self._block("latest") or {}), **fee}

    def _take(self, raw: str) -> str:
        transaction = bytes.fromhex(raw[2:])
        if transaction not in self.sent:
            self.sent.append(transaction)
        return "0x" + keccak(transaction).hex()

    def receipt(self, digest: str) -> dict[str, Any] | None:
        if self.clock.now < self.mined_at or not self.sent or digest != "0x" + keccak(self.sent[0]).hex():
            return None
        return {"transactionHash": digest, "status": "0x1", "blockNumber": hex(self.head), "gasUsed": hex(GAS)}

    def fees(self) -> list[int]:
        """The most that each transaction that was sent may pay for a unit of gas."""
        return [
            int.from_bytes(decode(raw)[1])
            if raw[0] >= 0xC0
            else int(TypedTransaction.from_bytes(HexBytes(raw)).as_dict()["maxFeePerGas"])
            for raw in self.sent
        ]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(sender, "time", made)
    return made


@pytest.fixture
def node(clock: Clock) -> PayingNode:
    return PayingNode(clock)


def client(node: PayingNode, **options: Any) -> SettlementClient:
    return SettlementClient(
        Node(node), CONTRACT, chain_id=DOMAIN.chain_id, account=account, **{"timeout": 40, **options}
    )


# --- the cap ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "tip", "estimate"),
    [(10**13, GWEI, GAS), (GWEI, 10**13, GAS), (None, 10**13, GAS), (GWEI, GWEI, 10**12)],
    ids=["base_fee", "tip", "gas_price", "gas"],
)
def test_fee_above_the_most_is_sent_nowhere(clock: Clock, base: int | None, tip: int, estimate: int) -> None:
    node = PayingNode(clock, base=base, tip=tip)
    node.changed["eth_estimateGas"] = hex(estimate)
    chain = client(node, max_fee=10**17)
    with pytest.raises(FeeTooHigh, match=r"at most 0\.1 ETH \(100000000000000000 wei\).* asks ") as raised:
        chain.request_oracle_bond_exit(MODEL)
    assert "--max-fee, ASSAY_MAX_FEE or config.toml" in str(raised.value.hint)
    assert node.sent == []


def test_fee_is_bounded_by_default(clock: Clock) -> None:
    with pytest.raises(FeeTooHigh):
        client(PayingNode(clock, base=DEFAULT_MAX_FEE // LIMIT)).deposit(NATIVE_TOKEN, 1)
    dear = PayingNode(clock, base=1000 * GWEI)
    client(dear).deposit(NATIVE_TOKEN, 1)
    assert dear.fees() == [DEFAULT_MAX_FEE // LIMIT], "the room for a rising base fee ends at the most"


def test_usual_offer_leaves_room_for_twice_the_base_fee(node: PayingNode) -> None:
    client(node).deposit(NATIVE_TOKEN, 1)
    assert node.fees() == [21 * GWEI]


@pytest.mark.parametrize("base", [10 * GWEI, None], ids=["eip_1559", "gas_price"])
@pytest.mark.parametrize(("most", "sent"), [(1, 1), (2, 2), (7, 4), (100, 4)])
def test_replacement_above_the_most_is_not_sent_and_the_wait_continues(
    clock: Clock, base: int | None, most: int, sent: int
) -> None:
    node = PayingNode(clock, base=base)
    node.mined_at = 35
    first = GWEI if base is None else 21 * GWEI
    assert client(node, max_fee=most * first * LIMIT).deposit(NATIVE_TOKEN, 1).gas == GAS
    assert node.fees() == [first * min(2**number, most) for number in range(sent)]


# --- what else a node names -------------------------------------------------------------------------------------------


def test_node_that_calls_every_number_taken_holds_few_transactions(
    node: PayingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could send all of them later, and a deposit would be made as many times."""
    numbers = iter(range(7, 1000))
    own = node.make_request

    def each_time_another(method: RPCEndpoint, params: Any) -> RPCResponse:
        if method == "eth_getTransactionCount":
            node.changed[method] = hex(next(numbers))
        return own(method, params)

    monkeypatch.setattr(node, "make_request", each_time_another)
    node.changed["eth_sendRawTransaction"] = {"code": -32000, "message": "nonce too low"}
    with pytest.raises(ChainError, match="nonce too low"):
        client(node).deposit(NATIVE_TOKEN, 1)
    assert len(node.sent) == sender.NUMBERS


@pytest.mark.parametrize("answer", [NoAnswer("reset"), "0x" + 64 * "a", None, "nonsense", 7])
def test_transaction_whose_answer_is_lost_or_false_is_waited_for(node: PayingNode, answer: Any) -> None:
    """It must not look as if nothing was sent, or as if another transaction were this one."""
    node.changed["eth_sendRawTransaction"] = answer
    node.mined_at = 5
    sent = client(node).deposit(NATIVE_TOKEN, 1)
    assert sent.hash == keccak(node.sent[0])
    assert len(node.sent) == 1


FAILURES = [
    NoAnswer("down"),
    {"code": -32000, "message": "transaction indexing is in progress"},
    "nonsense",
    {"status": "0x1"},
    {"status": "0x7", "blockNumber": "0x1", "gasUsed": "0x1"},
    {"status": "0x1", "blockNumber": None, "gasUsed": "0x1"},
]


@pytest.mark.parametrize("failure", FAILURES)
def test_receipt_that_makes_no_sense_is_asked_for_again(node: PayingNode, failure: Any) -> None:
    node.changed["eth_getTransactionReceipt"] = failure
    node.clock.at(5, node.changed.clear)
    assert client(node).deposit(NATIVE_TOKEN, 1).gas == GAS
    assert len(node.sent) == 1


@pytest.mark.parametrize("failure", FAILURES)
def test_transaction_that_a_failing_node_took_may_still_be_mined(node: PayingNode, failure: Any) -> None:
    """ "Run the same command again" would pay twice."""
    node.changed["eth_getTransactionReceipt"] = failure
    with pytest.raises(TransactionPending) as raised:
        client(node).deposit(NATIVE_TOKEN, 1)
    assert "look at the state first" in str(raised.value.hint)


JUNK = [None, "", "0x" + 70 * "f", "-0x1", "text", -1, 2**70, [], {"a": {}}]
NAMED = [
    "eth_call",
    "eth_estimateGas",
    "eth_gasPrice",
    "eth_maxPriorityFeePerGas",
    "eth_getTransactionCount",
    "eth_sendRawTransaction",
    HEAD,
]


@pytest.mark.parametrize("method", NAMED)
def test_answer_that_makes_no_sense_is_refused_and_costs_at_most_the_most(clock: Clock, method: str) -> None:
    for junk in [*JUNK, *({"baseFeePerGas": value} for value in JUNK if method == HEAD)]:
        node = PayingNode(clock)
        node.changed[method] = junk
        node.mined_at = clock.now + 2
        try:
            client(node).deposit(NATIVE_TOKEN, 1)
        except AssayError:
            assert len(node.sent) <= 1, junk
        assert all(fee * LIMIT <= DEFAULT_MAX_FEE for fee in node.fees())


@pytest.mark.parametrize("junk", JUNK)
def test_number_of_unmined_transactions_that_makes_no_sense_is_refused(node: PayingNode, junk: Any) -> None:
    node.changed["eth_getTransactionCount"] = junk
    with suppress(ChainError):
        assert client(node).unmined() == 0


# --- a transaction in the way -----------------------------------------------------------------------------------------


class BlockedNode(PayingNode):
    """A node with transaction 7 of the account, which pays 60 gwei, a tip of 40 among them, and stays unmined.

    It is mined at ``freed_at``, if ever.
    """

    freed_at: float = 10**9

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        if method == "eth_getTransactionCount":
            is_mined = self.clock.now >= self.freed_at
            return {"jsonrpc": "2.0", "id": 1, "result": hex(8 if is_mined or params[1] == "pending" else 7)}
        if method == "eth_sendRawTransaction":
            sent = TypedTransaction.from_bytes(HexBytes(params[0])).as_dict()
            pays = int(sent["maxFeePerGas"]) > 60 * GWEI and int(sent["maxPriorityFeePerGas"]) > 40 * GWEI
            if sent["nonce"] == 7 and not pays:
                message = "replacement transaction underpriced"
                return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": message}}
        return super().make_request(method, params)


ORDER = Order(
    model_id=MODEL,
    content_id=bytes(32),
    buyer=account.address,
    seller=account.address,
    token=NATIVE_TOKEN,
    price=1,
    seller_bond=0,
    dispute_window=3600,
    require_receipt=False,
    data_root=bytes(32),
    key_hash=bytes(32),
)
PROOF = ChunkProof(total_bytes=20, chunk_size=1024, index=0, plain_digest=bytes(32), sealed_chunk=bytes(20), path=())
URGENT: dict[str, Callable[[SettlementClient], Transaction]] = {
    "dispute": lambda chain: chain.dispute(ORDER, bytes(32), PROOF),
    "revealKey": lambda chain: chain.reveal_key(ORDER, bytes(32)),
    "revealData": lambda chain: chain.reveal_data(ORDER, 1024, bytes(20), [bytes(32)]),
}


def blocked(clock: Clock) -> BlockedNode:
    node = BlockedNode(clock)
    for entry in contract_interface()["abi"]:
        if entry.get("name") in URGENT:
            node.views[function_abi_to_4byte_selector(entry)] = b""
    return node


def numbers(node: PayingNode) -> list[Any]:
    return [TypedTransaction.from_bytes(HexBytes(raw)).as_dict()["nonce"] for raw in node.sent]


@pytest.mark.parametrize("function", URGENT)
def test_what_is_urgent_takes_the_place_of_a_transaction_that_stays_unmined(clock: Clock, function: str) -> None:
    """Its process may have ended: behind it, a dispute or a key would be mined after its window."""
    node = blocked(clock)
    assert URGENT[function](client(node)).gas == GAS
    assert numbers(node) == [7]
    assert node.fees() == [168 * GWEI]


def test_what_is_urgent_leaves_the_transaction_of_another_command_the_time_of_one_offer(clock: Clock) -> None:
    node = blocked(clock)
    node.freed_at = 5
    URGENT["dispute"](client(node))
    assert (numbers(node), node.fees()) == ([8], [21 * GWEI])


def test_no_place_is_taken_for_more_than_the_most_and_nothing_is_sent(clock: Clock) -> None:
    node = blocked(clock)
    with pytest.raises(ChainError, match="underpriced"):
        URGENT["revealKey"](client(node, max_fee=50 * GWEI * LIMIT))
    assert node.sent == []


def test_what_is_not_urgent_waits_behind_it(clock: Clock) -> None:
    node = blocked(clock)
    client(node).deposit(NATIVE_TOKEN, 1)
    assert numbers(node) == [8]
