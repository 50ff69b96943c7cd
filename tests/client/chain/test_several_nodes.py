"""Three nodes, one of which lags, lies, refuses, hangs or dies: it is left, and taken back when it is well."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from scripts.localnet import CEILING, ETHER, Node, anvil, eventually
from web3.providers import JSONBaseProvider

from assay.chain.interface import Deployment
from assay.chain.node import Node as ChainNode
from assay.chain.rpc import members, nodes
from assay.chain.rpc.members import MAX_LAG
from assay.chain.rpc.nodes import Nodes
from assay.chain.settlement import SettlementClient
from assay.errors import NodeUnreachable, NodeUntrue, SettingsError
from assay.protocol.types import NATIVE_TOKEN
from tests.kit.json_rpc_node import JsonRpcNode
from tests.kit.node_proxy import Behaviour, NodeProxy, dead, hangs, honest, lies, refuses, stands_at


class Place:
    """A chain behind three proxies, two of which must agree; a new account has a credit of one ether."""

    def __init__(self, node: Node, deployment: Deployment, proxies: list[NodeProxy]) -> None:
        self.node = node
        self.proxies = proxies
        self.account: LocalAccount = Account.create()
        node.fund(self.account.address, 100 * ETHER)
        self.deployment = deployment
        self.chain = self.client()
        self.chain.deposit(NATIVE_TOKEN, ETHER)

    def client(self, **options: Any) -> SettlementClient:
        many = ChainNode(*(proxy.url for proxy in self.proxies), quorum=2, **options)
        return SettlementClient.of(many, self.deployment, account=self.account, timeout=CEILING)

    def credit(self) -> int:
        return self.chain.credit(NATIVE_TOKEN, self.account.address)

    def faults(self) -> list[str]:
        return [state.fault for state in self.chain.node.nodes.states(now=False)]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Deployment]]:
    folder = tmp_path_factory.mktemp("chain")
    with anvil(folder / "anvil.log") as node:
        yield node, node.deploy(folder / "31337.json")


@pytest.fixture
def place(chain: tuple[Node, Deployment], monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(members, "REST_SECONDS", 0.05)
    monkeypatch.setattr(members, "HEADS_SECONDS", 0.0)
    monkeypatch.setattr(nodes, "_PAUSE_SECONDS", 0.01)
    with ExitStack() as stack:
        yield Place(*chain, [stack.enter_context(NodeProxy(chain[0].url)) for _ in range(3)])


def all_zero(_: Any, result: str) -> str:
    return "0x" + "0" * len(result[2:])


LIE_ABOUT_STATE = lies(eth_call=all_zero)
RATE_LIMIT = {"code": -32005, "message": "project ID request rate exceeded"}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (dead, ""),
        (refuses(429), "429"),
        (refuses(200, RATE_LIMIT), "request rate exceeded"),
        (LIE_ABOUT_STATE, "contradicts the others"),
        (lies(eth_blockNumber=lambda *_: hex(10**9)), "ahead of the others"),
        (lies(eth_getBlockByNumber=lambda _, block: {**block, "hash": "0x" + "ab" * 32}), "contradicts the others"),
    ],
    ids=["dies", "answers_429", "answers_32005", "lies_state", "lies_head", "lies_hash"],
)
def test_node_at_fault_is_left_and_taken_back_when_it_is_well(
    place: Place, fault: Behaviour, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    place.proxies[0].behave = fault
    place.chain = place.client()
    for _ in range(3):
        assert place.credit() == ETHER, "two honest nodes decide"
        assert place.chain.block_time() > 0
    (left, *_) = [line.getMessage() for line in caplog.records if "left" in line.getMessage()]
    assert left.startswith("node left: 1 http://127.0.0.1: ")
    assert told in left
    assert not any(place.faults()[1:])
    place.proxies[0].behave = honest
    eventually(lambda: place.credit() == ETHER and not any(place.faults()))


@pytest.mark.integration
def test_node_that_hangs_holds_up_one_request_and_no_other(place: Place) -> None:
    place.chain = place.client(timeout=1)
    place.proxies[0].behave = hangs
    place.proxies[0].asked.clear()
    for _ in range(20):
        assert place.credit() == ETHER
    assert "no whole answer" in place.faults()[0]
    assert len(place.proxies[0].asked) < 20, "one that is left is asked how it is, and nothing else"


@pytest.mark.integration
def test_node_that_lags_is_left_and_taken_back_once_it_has_caught_up(place: Place) -> None:
    before = place.chain.block_number()
    place.proxies[0].behave = stands_at(before)
    place.node.rpc("anvil_mine", hex(MAX_LAG))
    place.chain.block_number()
    assert not any(place.faults()), "some blocks are no lag"
    place.node.rpc("anvil_mine", "0x1")
    assert place.chain.block_number() == before + MAX_LAG + 1
    assert "9 blocks behind the others" in place.faults()[0]
    place.proxies[0].behave = honest
    eventually(lambda: place.chain.block_number() and not any(place.faults()))


@pytest.mark.integration
def test_newest_block_is_one_that_a_quorum_has(place: Place) -> None:
    """What one node alone has is no state to act upon; what one node lacks is."""
    credited = place.chain.block_number()
    behind = stands_at(credited)
    place.proxies[0].behave = place.proxies[1].behave = behind
    place.node.rpc("anvil_mine", "0x3")
    assert place.chain.block_number() == credited
    place.proxies[1].behave = honest
    assert place.chain.block_number() == credited + 3
    assert place.credit() == ETHER


@pytest.mark.integration
def test_receipt_that_one_node_makes_up_is_believed_by_nobody(place: Place) -> None:
    """A liar says that a payment was mined which was not: a key would be handed over for nothing."""
    made_up = {"status": "0x1", "blockNumber": "0x1", "gasUsed": "0x1", "from": place.account.address}
    made_up |= {"transactionHash": "0x" + "11" * 32, "blockHash": "0x" + "22" * 32}
    place.proxies[0].behave = lies(eth_getTransactionReceipt=lambda *_: made_up)
    sent = place.chain.deposit(NATIVE_TOKEN, ETHER)
    assert sent.block > 1
    assert place.credit() == 2 * ETHER


@pytest.mark.integration
def test_node_that_swallows_transactions_keeps_none_from_being_mined(place: Place) -> None:
    def swallow(proxy: NodeProxy, request: Any) -> tuple[int, Any]:
        if request["method"] == "eth_sendRawTransaction":
            return 200, {"jsonrpc": "2.0", "id": 1, "result": "0x" + "33" * 32}
        return honest(proxy, request)

    place.proxies[0].behave = swallow
    place.chain.deposit(NATIVE_TOKEN, ETHER)
    assert place.credit() == 2 * ETHER


@pytest.mark.integration
def test_number_of_a_transaction_is_none_that_one_node_makes_up(place: Place) -> None:
    """A number too high would leave a gap before it, and hold up every transaction of the account for ever."""
    place.proxies[0].behave = lies(eth_getTransactionCount=lambda *_: "0x99")
    place.chain.deposit(NATIVE_TOKEN, ETHER)
    assert place.credit() == 2 * ETHER


@pytest.mark.integration
def test_without_a_quorum_nothing_that_matters_is_answered(place: Place) -> None:
    place.proxies[0].behave = place.proxies[1].behave = dead
    with pytest.raises(NodeUnreachable, match="1 of 3 nodes can answer, 2 must"):
        place.credit()
    place.proxies[1].behave = LIE_ABOUT_STATE
    with pytest.raises(NodeUntrue, match=r"expected 2 nodes that agree on eth_call, got . http.* against . http"):
        eventually(lambda: place.credit() != ETHER or None)
    place.proxies[0].behave = place.proxies[1].behave = honest
    eventually(lambda: place.credit() == ETHER and not any(place.faults()))


@pytest.mark.integration
def test_stranger_whose_contract_answers_each_node_differently_gets_no_node_left(place: Place) -> None:
    """A wallet (ERC-1271) can tell nodes apart by what they make of a simulation. That says nothing of the nodes."""
    place.proxies[0].behave = LIE_ABOUT_STATE
    wallet = place.deployment.address
    for _ in range(3):
        place.chain.is_valid_signature(wallet, bytes(32), b"")
    assert not any(place.faults())
    assert place.credit() == ETHER
    assert place.faults()[0] == "contradicts the others"


@pytest.mark.unit
@pytest.mark.parametrize(("count", "quorum"), [(1, 2), (3, 4), (4, 2), (5, 2)])
def test_quorum_that_two_contradicting_answers_could_reach_is_refused(count: int, quorum: int) -> None:
    endpoints: list[JSONBaseProvider] = [JsonRpcNode() for _ in range(count)]
    with pytest.raises(SettingsError, match=f"of {count} nodes that must agree, got {quorum}"):
        Nodes(endpoints, quorum=quorum)


@pytest.mark.unit
def test_most_nodes_decide_on_the_chain_whichever_answers_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "_PAUSE_SECONDS", 0.01)
    foreign, *own = (JsonRpcNode() for _ in range(3))
    foreign.chain_id = 5
    assert ChainNode(foreign, *own, quorum=2).chain_id() == 31337
    own[0].down = True
    with pytest.raises(NodeUnreachable):
        ChainNode(foreign, *own, quorum=2).chain_id()
