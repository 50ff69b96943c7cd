"""A model whose oracle is a contract that signs a quote only with a proof of its price: real proofs, on Anvil."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ape
import pytest
from eth_utils.crypto import keccak

from assay.chain.node import Node
from assay.chain.proven import ProofsNotTaken, check_code, creation_code, operator_of
from assay.protocol.proof.curve import combination, to_bytes
from assay.protocol.proof.evidence import (
    EVIDENCE_BYTES,
    Rule,
    constructor_values,
    deployed_values,
    other_evidence,
    quote_evidence,
)
from assay.protocol.statements import Domain, digest, encoded
from assay.protocol.structs import ModelTerms, Status
from tests.contracts.sale import PRICE, Sale
from tests.contracts.world import World
from tests.kit.proofs import DOUBLED, FORGED, FORGERIES, Proven, tiny_key, tiny_model, tiny_proof

pytestmark = pytest.mark.integration

MAGIC, REFUSED = bytes.fromhex("1626ba7e"), b"\xff" * 4
MOST_GAS, MOST_BYTES = 260_000, 24_576
MICROS = 1000
"""The gain of ``DOUBLED``: the rule pays PRICE for it."""
RULE = Rule(1, 0, PRICE * 10**6 // MICROS, 10**20, 10**9, 10**9, 10**19)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proofs")


@dataclass
class Market:
    """A model whose oracle proves its prices, and one sale of it."""

    world: World
    oracle: Any
    terms: ModelTerms
    folder: Path

    def sale(self, **changes: Any) -> tuple[Sale, Proven]:
        """A sale, and the proof of its price, which ``changes`` alter in the quote."""
        sale = self.world.agree(self.terms, **changes)
        return sale, tiny_proof(self.folder, **self.bound(sale))

    def bound(self, sale: Sale) -> dict[str, Any]:
        """What a proof is bound to."""
        names = ("model_id", "content_id", "seller", "data_root", "price")
        where = {"chain_id": self.world.chain.chain_id, "contract": self.world.settlement.address}
        return where | {name: getattr(sale.quote, name) for name in names}

    def answer(self, sale: Sale, evidence: bytes) -> bytes:
        return bytes(self.oracle.isValidSignature(digest(self.world.domain.quote(sale.quote)), evidence))


def evidence_of(sale: Sale, made: Proven) -> bytes:
    return quote_evidence(sale.quote, made.statement, made.proof, sale.oracle_signature)


@pytest.fixture
def market(world: World, project: Any, folder: Path) -> Market:
    numerator = MICROS * 2**40 // abs(DOUBLED)
    rule = RULE._replace(numerator=numerator, shift=40)
    terms = world.terms(max_price=10**19)
    values = constructor_values(
        world.oracle.address,
        world.settlement.address,
        world.model_id(terms),
        tiny_key(folder)[1],
        tiny_model(folder),
        rule,
    )
    oracle = world.relayer.deploy(project.ProvenOracle, *values)
    world.settlement.registerModel(terms.abi_values(), oracle.address, sender=world.buyer)
    world.settlement.fund(terms.abi_values(), 2 * 10**19, sender=world.buyer, value=2 * 10**19)
    return Market(world, oracle, terms, folder)


def test_a_proven_quote_is_posted_and_an_unproven_one_is_not(market: Market) -> None:
    world = market.world
    sale, made = market.sale()
    evidence = evidence_of(sale, made)
    assert len(evidence) == EVIDENCE_BYTES
    with world.refuses("QuoteSignatureInvalid", oracle=market.oracle.address):
        world.post(sale)
    world.post(sale.with_(oracle_signature=evidence))
    assert world.settlement.orderState(sale.order.order_id()).status == Status.LOCKED


def test_verification_takes_little_gas_and_code(market: Market) -> None:
    """A whole transaction that does nothing else: its 21,000 and its calldata included."""
    sale, made = market.sale()
    message, evidence = digest(market.world.domain.quote(sale.quote)), evidence_of(sale, made)
    assert market.answer(sale, evidence) == MAGIC
    receipt = market.oracle.isValidSignature.transact(message, evidence, sender=market.world.relayer)
    size = len(market.world.chain.provider.get_code(market.oracle.address))
    assert receipt.gas_used <= MOST_GAS
    assert size < MOST_BYTES


OTHERS: list[dict[str, Any]] = [
    {"records": 101},
    {"least": DOUBLED - 9},
    {"most": DOUBLED + 9},
    {"least": DOUBLED + 10, "most": DOUBLED - 10},
    {"least": -(2**31)},
    {"most": 2**31},
    {"statistics": to_bytes(combination([5], [(1, 2)]))},
    {"statistics": bytes(63) + b"\1"},
    {"proof": bytes(256)},
    {"proof": b"\xff" * 256},
    {"proof": to_bytes((1, 2)) + bytes(192)},
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: "-".join(f"{k} {str(v)[:8]}" for k, v in other.items()))
def test_evidence_that_was_altered_is_refused(market: Market, other: dict[str, Any]) -> None:
    sale, made = market.sale()
    proof = other.get("proof", made.proof)
    statement = made.statement.model_copy(update={name: value for name, value in other.items() if name != "proof"})
    assert market.answer(sale, quote_evidence(sale.quote, statement, proof, sale.oracle_signature)) == REFUSED


@pytest.mark.parametrize("name", FORGERIES)
def test_an_operator_cannot_move_public_numbers_by_her_commitment(market: Market, project: Any, name: str) -> None:
    """The commitment to the statistics is hers, and nobody opens it here: it voids nothing, and moves nothing."""
    world, forgery = market.world, FORGERIES[name]
    rule = RULE._replace(numerator=MICROS * 2**40 // FORGED, shift=40)
    sale = world.agree(market.terms, price=PRICE if forgery.price else 0)
    keys = world.model_id(market.terms), tiny_key(market.folder)[1], tiny_model(market.folder), rule
    values = constructor_values(world.oracle.address, world.settlement.address, *keys)
    oracle = world.relayer.deploy(project.ProvenOracle, *values)
    made = forgery.proof(market.folder, **market.bound(sale))
    answer = replace(market, oracle=oracle).answer(sale, evidence_of(sale, made))
    assert answer == (MAGIC if name == "nothing moved" else REFUSED)


@pytest.mark.parametrize("field", ["content_id", "data_root", "seller", "price", "chain_id", "contract"])
def test_a_proof_for_another_quote_chain_or_contract_is_refused(market: Market, field: str) -> None:
    sale, made = market.sale()
    values = {
        "content_id": bytes(32),
        "data_root": bytes(32),
        "seller": market.world.relayer.address,
        "price": PRICE + 10**9,
        "chain_id": 1,
        "contract": market.oracle.address,
    }
    other = tiny_proof(market.folder, **(made.statement.model_dump() | {field: values[field]}))
    assert market.answer(sale, evidence_of(sale, Proven(made.key, made.statement, other.proof))) == REFUSED


def test_a_proof_needs_the_operators_signature_and_its_own_model(market: Market) -> None:
    world = market.world
    sale, made = market.sale()
    unsigned = sale.with_(oracle_signature=world.sign(world.seller, world.domain.quote(sale.quote)))
    assert market.answer(unsigned, evidence_of(unsigned, made)) == REFUSED
    other = world.agree(world.terms(salt=bytes([1]) * 32))
    assert market.answer(other, evidence_of(other, made)) == REFUSED
    renewed = world.agree(market.terms, expiry=sale.quote.expiry + 5)
    assert market.answer(renewed, evidence_of(sale, made)) == REFUSED
    assert market.answer(renewed, evidence_of(renewed, made)) == MAGIC, "a renewed quote keeps its proof"


@pytest.mark.parametrize("price", [PRICE + 3 * PRICE // MICROS, PRICE - 3 * PRICE // MICROS, 0])
def test_a_price_that_its_bounds_do_not_have_is_refused(market: Market, price: int) -> None:
    """The proof holds, and the operator signs: both say too much for the gain, or too little."""
    sale, made = market.sale(price=price)
    assert market.answer(sale, evidence_of(sale, made)) == REFUSED


def test_bounds_that_are_too_wide_for_one_price_are_refused(market: Market) -> None:
    sale, made = market.sale()
    wide = tiny_proof(market.folder, **(made.statement.model_dump() | {"least": -(2**30), "most": 2**30}))
    assert market.answer(sale, evidence_of(sale, wide)) == REFUSED


def test_other_statements_of_the_operator_are_signed_with_their_content(market: Market) -> None:
    """A quote cannot pass for one of them: its type would show."""
    world = market.world
    sale, _ = market.sale()
    domain = world.domain
    for message, content in (
        (domain.recipient("age1"), encoded("Recipient", {"recipient": "age1"})),
        (domain.key_escrow(sale.order.digest()), encoded("KeyEscrow", {"orderDigest": sale.order.digest()})),
    ):
        signature = world.sign(world.oracle, message)
        call = market.oracle.isValidSignature
        assert bytes(call(digest(message), other_evidence(content, signature))) == MAGIC
        assert bytes(call(digest(message), signature)) == REFUSED
        assert bytes(call(digest(message), other_evidence(content + b"\0", signature))) == REFUSED
        assert bytes(call(digest(message), other_evidence(content, world.sign(world.seller, message)))) == REFUSED
    names = ("modelId", "contentId", "seller", "dataRoot", "price", "expiry", "evaluation")
    content = encoded("Quote", dict(zip(names, sale.quote.abi_values(), strict=True)))
    assert keccak(content) == domain.quote(sale.quote).body
    assert market.answer(sale, other_evidence(content, sale.oracle_signature)) == REFUSED


def test_the_contract_shows_what_it_verifies_with(market: Market) -> None:
    key, model, rule = market.oracle.terms()
    expected = deployed_values(tiny_key(market.folder)[1], tiny_model(market.folder))
    assert tuple(key) == expected
    assert tuple(model) == tiny_model(market.folder)
    assert tuple(rule)[2:] == tuple(RULE)[2:]


def test_whoever_serves_a_contract_is_told_what_else_it_takes(market: Market) -> None:
    world, (_, key), model = market.world, tiny_key(market.folder), tiny_model(market.folder)
    node, contract, rule = Node(str(world.chain.provider.uri)), str(market.oracle.address), market.oracle.terms()[2]

    def operator(**changes: Any) -> str:
        made = {"contract": contract, "domain": world.domain, "model_id": world.model_id(market.terms), "key": key}
        point, by = changes.pop("model", model), changes.pop("rule", Rule(*rule))
        terms = SimpleNamespace(model=to_bytes(point), money=SimpleNamespace(rule=lambda: by))
        return operator_of(node, **(made | changes), terms=terms)  # type: ignore[arg-type]

    assert operator() == world.oracle.address
    others: dict[str, dict[str, Any]] = {
        "is none": {"contract": world.oracle.address},
        "settlement contract of": {"domain": Domain(chain_id=world.chain.chain_id, contract=contract)},
        "the model of": {"model_id": bytes(32)},
        "verification key": {"key": replace(key, points=(*key.points[:2], key.points[0], *key.points[3:]))},
        "the verification key": {"model": combination([2], [model])},
        "rule from gains to money": {"rule": Rule(*rule)._replace(most_cut=1)},
    }
    for named, changes in others.items():
        with pytest.raises(ProofsNotTaken, match=named):
            operator(**changes)


def test_a_contract_that_only_answers_alike_is_told_by_its_code(market: Market) -> None:
    """It could accept two prices of one data set, and so take the operator's bond."""
    world, node = market.world, Node(str(market.world.chain.provider.uri))
    model_id, eth = world.model_id(market.terms), node.web3.eth
    parties = (world.oracle.address, world.settlement.address, model_id)
    made = creation_code(*parties, tiny_key(market.folder)[1], tiny_model(market.folder), RULE)
    sent = eth.send_transaction({"from": eth.accounts[0], "data": made})
    contract = str(eth.wait_for_transaction_receipt(sent)["contractAddress"])
    check_code(node, contract, world.oracle.address, world.domain, model_id)
    code = node.code(contract)
    operator, stranger = (bytes.fromhex(account.address[2:]) for account in (world.oracle, world.seller))
    at = code.rindex(operator)
    for altered in (
        code[:-1] + b"\0",
        code[:at] + stranger + code[at + 20 :],
        code[:at] + bytes(20) + code[at + 20 :],
        b"",
    ):
        node.web3.provider.make_request("anvil_setCode", [contract, "0x" + altered.hex()])
        with pytest.raises(ProofsNotTaken, match="expected the code of this version's ProvenOracle"):
            check_code(node, contract, world.oracle.address, world.domain, model_id)


def test_keys_and_rules_that_cannot_be_are_refused(market: Market, project: Any) -> None:
    world, (_, key) = market.world, tiny_key(market.folder)
    values = (world.oracle.address, world.settlement.address, bytes(32), key)
    for model, rule, error in (
        (tiny_model(market.folder), RULE._replace(grid=0), "RuleInvalid"),
        (tiny_model(market.folder), RULE._replace(numerator=2**48), "RuleInvalid"),
        (tiny_model(market.folder), RULE._replace(shift=256), "RuleInvalid"),
        (tiny_model(market.folder), RULE._replace(rate=2**96), "RuleInvalid"),
        (tiny_model(market.folder), RULE._replace(least_cut=2, most_cut=1), "RuleInvalid"),
        ((1, 1), RULE, "ProofKeyInvalid"),
    ):
        with ape.reverts(getattr(market.oracle, error)):
            world.relayer.deploy(project.ProvenOracle, *constructor_values(*values, model, rule))
