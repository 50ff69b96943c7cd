"""An order whose quote a contract takes with a proof of its price (``ProvenOracle``): what this adds to posting it.

The key is one of which all secrets are known: beta, gamma and delta are 1, and every point is a multiple of the
generator by a number that is written here. So a proof needs no prover, and costs the contract what any other one costs.
"""

from dataclasses import replace
from typing import Any

from assay.protocol.proof.curve import Point, multiple, to_bytes
from assay.protocol.proof.evidence import quote_evidence
from assay.protocol.proof.key import GENERATOR
from assay.protocol.proof.statement import Statement
from gas.sale import ETHER, PRICE, Market, bytes32

_ALPHA, _MODEL, _STATISTICS, _C = (int.from_bytes(bytes32(name)[:31], "big") for name in ("a", "m", "s", "c"))
_STATED = (11, 12, 13, 14, 15)
"""Numbers of the points of the constant, the binding, both bounds and the check."""
_KEY = bytes32("key")
_BITS, _SHIFT, _MICROS = 205, 190, 1000
_LEAST = (_MICROS << _SHIFT) + int.from_bytes(bytes32("least")[:20], "big")


def post_proven(market: Market, project: Any) -> int:
    """Gas of posting an order at a quote with a proof; the seller posts."""
    terms = market.terms()
    model_id = terms.model_id(market.chain.chain_id, market.settlement.address)
    stated = [list(_point(number)) for number in _STATED]
    key = (list(_point(_ALPHA)), *[list(GENERATOR)] * 3, stated, _KEY, _BITS)
    rule = (1, _SHIFT, PRICE * 10**6 // _MICROS, ETHER, 10**9, 10**9, ETHER, 0, 0)
    parties = (market.oracle.address, market.settlement.address, model_id)
    oracle = market.relayer.deploy(project.ProvenOracle, *parties, key, list(_point(_MODEL)), rule)
    market.settlement.registerModel(terms.abi_values(), oracle.address, sender=market.buyer)
    market.settlement.fund(terms.abi_values(), ETHER, sender=market.buyer, value=ETHER)
    sale = market.agree(terms, "proven records")
    names = ("model_id", "content_id", "seller", "data_root", "price")
    statement = Statement(
        chain_id=market.chain.chain_id,
        contract=market.settlement.address,
        key=_KEY,
        model=to_bytes(_point(_MODEL)),
        records=60,
        statistics=to_bytes(_point(_STATISTICS)),
        least=_LEAST,
        most=_LEAST + (1 << _SHIFT - 1),
        **{name: getattr(sale.quote, name) for name in names},
    )
    binding, *_ = numbers = statement.numbers
    total = sum(a * b for a, b in zip(_STATED, (1, *numbers), strict=True)) + binding * _MODEL + _STATISTICS
    b = b"".join(part.to_bytes(32, "big") for part in GENERATOR)
    proof = to_bytes(_point(_ALPHA + total + _C)) + b + to_bytes(_point(_C))
    evidence = quote_evidence(sale.quote, statement, proof, sale.oracle_signature)
    return int(market.post(replace(sale, oracle_signature=evidence), sender=market.seller).gas_used)


def _point(number: int) -> Point:
    return multiple(number, (1, 2))
