"""The contract on Anvil: a sale by its functions, its events through a node that bounds ranges, a reorganisation."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from scripts.localnet import ETHER, anvil, eventually
from scripts.localnet import Node as Anvil
from web3.types import RPCEndpoint, RPCResponse

from assay.chain.gas import GAS_LIMITS, OWN_GAS, WALLET_GAS
from assay.chain.node import Node
from assay.chain.queries import is_signed_by
from assay.chain.rpc.endpoint import HttpEndpoint
from assay.chain.settlement import SettlementClient
from assay.chain.values import EventKind
from assay.errors import ContractReverted, TransactionFailed
from assay.protocol.statements import digest, signer_of
from assay.protocol.structs import ModelTerms, Quote, Status, key_hash
from assay.protocol.types import ZERO_ADDRESS

pytestmark = pytest.mark.integration

HOUR = 3600
REGISTERED = 2
"""Transactions of ``Place.register``."""
KEY = b"\x07" * 32
LIMIT = 50
FICKLE = "0x3a15600657fe5b" + "5a5b805a900362030d4011600857" + "63" + "1626ba7e" + "60e01b5f5260205ff3"
"""Code of a wallet (ERC-1271) that accepts any signature where ``tx.gasprice`` is zero, as in a simulation.

It takes 200,000 gas for that. In a block it takes all the gas that it is given: ``INVALID``.
"""
GREEDY = "0x5b5f56"
"""Code of a wallet that takes all gas in a simulation too: an endless loop."""
ACCEPTS = "0x63" + "1626ba7e" + "60e01b5f5260205ff3"
"""Code of a wallet that accepts any signature."""
account: LocalAccount = Account.from_key(b"\x31" * 32)
oracle: LocalAccount = Account.from_key(b"\x32" * 32)


class BoundedNode(HttpEndpoint):
    """A node as public providers run it: refuses ``eth_getLogs`` over more than ``LIMIT`` blocks."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        if method == "eth_getLogs":
            first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
            if last - first > LIMIT:
                error = {"code": -32602, "message": f"range {last - first} exceeds limit of {LIMIT}"}
                return {"jsonrpc": "2.0", "id": 1, "error": error}  # type: ignore[typeddict-item]
        return super().make_request(method, params)


class Place:
    """The contract on a chain, with one account that is model owner and seller."""

    def __init__(self, node: Anvil, folder: Path) -> None:
        self.anvil = node
        node.fund(account.address, 100 * ETHER)
        self.deployment = node.deploy(folder / "31337.json")
        self.chain = self.client(node.url)
        self.chain.check()
        self.models = 0

    def client(self, node: Node | str) -> SettlementClient:
        return SettlementClient.of(node, self.deployment, account=account)

    def register(self, **changes: Any) -> ModelTerms:
        self.models += 1
        terms = ModelTerms(
            **{
                "owner": account.address,
                "function_hash": b"\x01" * 32,
                "delivery_key": b"\x02" * 32,
                "max_price": ETHER,
                "reveal_window": HOUR,
                "dispute_window": HOUR,
                "salt": self.models.to_bytes(32, "big"),
                **changes,
            }
        )
        self.chain.register_model(terms, oracle.address)
        self.chain.fund(terms, ETHER)
        return terms

    def quote(self, terms: ModelTerms, number: int = 1, price: int = 1000) -> Quote:
        return Quote(
            model_id=self.chain.model_id(terms),
            content_id=number.to_bytes(32, "big"),
            seller=account.address,
            data_root=b"\x03" * 32,
            price=price,
            expiry=self.chain.block_time() + HOUR,
            evaluation=bytes(32),
        )

    def signed(self, quote: Quote) -> bytes:
        return bytes(oracle.sign_message(self.chain.domain.quote(quote)).signature)

    def post_for(self, code: str) -> None:
        """Posts an order whose seller is a wallet with this ``code``."""
        wallet = Account.create().address
        self.anvil.rpc("anvil_setCode", wallet, code)
        terms = self.register()
        quote = self.quote(terms).model_copy(update={"seller": wallet})
        self.chain.post(terms, quote, self.signed(quote), bytes(32), b"any")

    def stranger(self) -> LocalAccount:
        """Another account, which can pay for gas."""
        made: LocalAccount = Account.create()
        self.anvil.fund(made.address, ETHER)
        return made

    def delegate(self, code: str) -> None:
        """The account's code becomes that of ``code`` (EIP-7702, transaction type 4)."""
        nonce = int(self.anvil.rpc("eth_getTransactionCount", account.address, "latest"), 16)
        authorization = account.sign_authorization({"chainId": 31337, "address": code, "nonce": nonce + 1})
        transaction = {
            "chainId": 31337,
            "nonce": nonce,
            "to": account.address,
            "gas": 200_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 10**9,
            "authorizationList": [authorization],
        }
        raw = account.sign_transaction(transaction).raw_transaction
        sent = self.anvil.rpc("eth_sendRawTransaction", "0x" + raw.hex())
        receipt = eventually(lambda: self.anvil.rpc("eth_getTransactionReceipt", sent))
        assert receipt["status"] == "0x1"

    def sent(self) -> int:
        """Number of the account's transactions."""
        return int(self.anvil.rpc("eth_getTransactionCount", account.address, "latest"), 16)

    def post(self, terms: ModelTerms, quote: Quote) -> bytes:
        locked = key_hash(quote.order_id(), KEY)
        acceptance = self.chain.domain.acceptance(digest(self.chain.domain.quote(quote)), locked)
        signature = bytes(account.sign_message(acceptance).signature)
        self.chain.post(terms, quote, self.signed(quote), locked, signature)
        return quote.order_id()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("settlement")
    with anvil(folder / "anvil.log") as node:
        yield Place(node, folder)


def test_old_contract_through_a_node_that_bounds_ranges(place: Place) -> None:
    terms = place.register()
    model_id = place.chain.model_id(terms)
    first = place.post(terms, place.quote(terms, 1))
    place.anvil.rpc("anvil_mine", hex(3 * LIMIT))
    second = place.post(terms, place.quote(terms, 2))
    place.chain.reveal_key(place.chain.posted(order_id=second)[0].order, KEY)

    chain = place.client(Node(BoundedNode(place.anvil.url)))
    assert chain.model_terms(model_id) == (terms, oracle.address)
    assert chain.model_terms(bytes(32)) is None
    assert [posted.order.order_id() for posted in chain.posted(model_id=model_id)] == [first, second]
    assert [posted.order.order_id() for posted in chain.posted(order_id=first)] == [first]
    assert chain.posted(order_id=bytes(32)) == []
    assert chain.revealed_key(second) == KEY
    assert chain.revealed_key(first) is None
    assert chain.revealed_data(first) is None
    events = [event for event in chain.events_since(None).events if event.order_id in (first, second)]
    assert [(event.kind, event.order_id) for event in events] == [
        (EventKind.POSTED, first),
        (EventKind.POSTED, second),
        (EventKind.KEY_REVEALED, second),
    ]
    assert chain.fund(terms, 1).gas > 0


def test_reorganisation_is_told_and_its_orders_are_read_anew(place: Place) -> None:
    terms = place.register()
    before = place.chain.events_since(None).cursor
    state = place.anvil.rpc("evm_snapshot")
    lost = place.post(terms, place.quote(terms, 1))
    page = place.chain.events_since(before)
    assert [event.order_id for event in page.events] == [lost]
    assert place.chain.order_state(lost).status is Status.LOCKED

    place.anvil.rpc("evm_revert", state)
    place.anvil.rpc("evm_increaseTime", 5)
    kept = place.post(terms, place.quote(terms, 2))
    again = place.chain.events_since(page.cursor)
    assert again.reorganised
    assert [event.order_id for event in again.events][-1] == kept
    assert lost not in [event.order_id for event in again.events]
    assert place.chain.posted(order_id=lost) == []
    assert place.chain.order_state(lost).status is Status.NONE


def test_history_has_every_transaction_of_an_order_once(place: Place) -> None:
    terms = place.register()
    order_id = place.post(terms, place.quote(terms))
    order = place.chain.posted(order_id=order_id)[0].order
    place.chain.reveal_key(order, KEY)
    place.anvil.pass_time(HOUR + 1)
    last = place.chain.finalize(order)
    history = place.chain.history(order_id)
    assert len(history) == 3
    assert (history[-1].hash, history[-1].block, history[-1].gas) == (last.hash, last.block, last.gas)
    assert [sent.block for sent in history] == sorted(sent.block for sent in history)
    assert all(sent.gas > 21_000 for sent in history)


def test_two_quotes_of_one_pair_cost_the_oracle_its_bond(place: Place) -> None:
    terms = place.register(oracle_bond=ETHER)
    model_id = place.chain.model_id(terms)
    place.chain.bond_oracle(terms, oracle.address, ETHER)
    assert place.chain.oracle_bond(model_id, oracle.address)[0] == ETHER
    first, second = place.quote(terms, price=1000), place.quote(terms, price=2000)
    with pytest.raises(ContractReverted, match="NotEquivocation"):
        place.chain.report_equivocation(
            terms, oracle.address, (first, place.signed(first)), (first, place.signed(first))
        )
    place.chain.report_equivocation(terms, oracle.address, (first, place.signed(first)), (second, place.signed(second)))
    assert place.chain.oracle_bond(model_id, oracle.address)[0] == 0
    assert place.chain.model_state(model_id).budget == 2 * ETHER, "the bond was added to the budget"


def test_a_wallet_that_burns_gas_in_a_block_alone_costs_a_bounded_amount(place: Place) -> None:
    with pytest.raises(TransactionFailed, match="mined and failed") as failed:
        place.post_for(FICKLE)
    assert 200_000 < failed.value.gas <= GAS_LIMITS["post"] == OWN_GAS + 2 * WALLET_GAS


def test_a_wallet_that_burns_gas_in_a_simulation_costs_nothing(place: Place) -> None:
    before = place.sent()
    with pytest.raises(ContractReverted, match="AcceptanceSignatureInvalid"):
        place.post_for(GREEDY)
    assert place.sent() == before + REGISTERED


def test_state_counts_as_confirmed_once_it_is_deep_enough(place: Place) -> None:
    terms = place.register()
    chain = SettlementClient.of(place.anvil.url, place.deployment, account=account, confirmations=3)
    order_id = place.post(terms, place.quote(terms))
    place.anvil.rpc("anvil_mine", hex(2))
    assert chain.confirmed_state(order_id).status is Status.NONE
    place.anvil.rpc("anvil_mine", hex(1))
    assert chain.confirmed_state(order_id) == chain.order_state(order_id)
    far = SettlementClient.of(place.anvil.url, place.deployment, confirmations=10**6)
    assert far.confirmed_state(order_id).status is Status.NONE


def test_an_account_that_becomes_a_wallet_for_a_moment_pays_nothing(place: Place) -> None:
    """EIP-7702: its code accepts any acknowledgement, and is gone before the settlement. Its key's signature holds."""
    terms = place.register()
    order_id = place.post(terms, place.quote(terms))
    order = place.chain.posted(order_id=order_id)[0].order
    message = place.chain.domain.acknowledgement(order.digest())
    stranger = SettlementClient.of(place.anvil.url, place.deployment, account=place.stranger())
    yes = Account.create().address
    place.anvil.rpc("anvil_setCode", yes, ACCEPTS)
    assert not is_signed_by(stranger, account.address, message, b"yes")
    place.delegate(yes)
    assert is_signed_by(stranger, account.address, message, b"yes")
    signed = bytes(account.sign_message(message).signature)
    assert signer_of(message, signed) == account.address
    place.delegate(ZERO_ADDRESS)
    with pytest.raises(ContractReverted, match="BuyerSignatureInvalid"):
        stranger.settle(order, b"yes")
    assert stranger.order_state(order_id).status is Status.LOCKED
    place.delegate(yes)
    stranger.settle(order, signed)
    assert stranger.order_state(order_id).status is Status.PAID
    place.delegate(ZERO_ADDRESS)
