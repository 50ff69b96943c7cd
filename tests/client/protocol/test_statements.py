"""What is signed, against digests that an independent implementation of EIP-712 made."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from assay.protocol.statements import Domain, digest, encoded, signer_of
from assay.protocol.structs import Quote
from tests.kit.signatures import REFUSED_FORMS

pytestmark = pytest.mark.unit

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "vectors" / "quotes.json").read_text())
DOMAIN = Domain(chain_id=31337, contract="0x" + 39 * "0" + "1")
alice: LocalAccount = Account.from_key(b"\x0a" * 32)
vectors = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["quote"]["price"]))


def quote_of(vector: dict[str, Any]) -> Quote:
    names = ("model_id", "content_id", "seller", "data_root", "price", "expiry", "evaluation")
    return Quote(**dict(zip(names, vector["quote"].values(), strict=True)))


def domain_of(vector: dict[str, Any]) -> Domain:
    return Domain(chain_id=vector["chainId"], contract=vector["contract"])


def test_a_statement_is_encoded_as_its_struct_hash_has_it() -> None:
    quote = quote_of(VECTORS[0])
    names = ("modelId", "contentId", "seller", "dataRoot", "price", "expiry", "evaluation")
    content = encoded("Quote", dict(zip(names, quote.abi_values(), strict=True)))
    assert keccak(content) == DOMAIN.quote(quote).body
    assert keccak(encoded("Recipient", {"recipient": "age1"})) == DOMAIN.recipient("age1").body
    assert keccak(encoded("KeyEscrow", {"orderDigest": bytes(32)})) == DOMAIN.key_escrow(bytes(32)).body


def shown(message: SignableMessage) -> str:
    return "0x" + digest(message).hex()


@vectors
def test_digests_are_those_of_the_vectors(vector: dict[str, Any]) -> None:
    domain, order = domain_of(vector), bytes.fromhex(vector["orderDigest"][2:])
    quote_message = domain.quote(quote_of(vector))
    assert shown(quote_message) == vector["quoteDigest"]
    acceptance = domain.acceptance(digest(quote_message), bytes.fromhex(vector["keyHash"][2:]))
    assert shown(acceptance) == vector["acceptanceDigest"]
    assert shown(domain.receipt(order)) == vector["receiptDigest"]
    assert shown(domain.acknowledgement(order)) == vector["acknowledgementDigest"]


@vectors
@pytest.mark.parametrize("changes", [{"chain_id": 1}, {"contract": "0x" + 39 * "0" + "2"}], ids=["chain", "contract"])
def test_statement_for_one_domain_is_none_for_another(vector: dict[str, Any], changes: dict[str, Any]) -> None:
    domain = domain_of(vector)
    other = domain.model_copy(update=changes)
    assert digest(domain.quote(quote_of(vector))) != digest(other.quote(quote_of(vector)))


@vectors
@pytest.mark.parametrize("name", list(Quote.model_fields))
def test_every_field_is_signed(vector: dict[str, Any], name: str) -> None:
    quote = quote_of(vector)
    value = getattr(quote, name)
    other = {bytes: bytes(32), int: 7, str: "0x" + 39 * "0" + "9"}[type(value)]
    changed = quote.model_copy(update={name: other})
    assert digest(DOMAIN.quote(quote)) != digest(DOMAIN.quote(changed))


def test_no_statement_passes_for_another() -> None:
    same = b"\x01" * 32
    kinds = [
        DOMAIN.receipt(same),
        DOMAIN.acknowledgement(same),
        DOMAIN.acceptance(same, same),
        DOMAIN.offer(same, alice.address, same, same),
    ]
    assert len({digest(kind) for kind in kinds}) == len(kinds)


def test_signer_is_found() -> None:
    message = DOMAIN.receipt(bytes(32))
    signature = bytes(alice.sign_message(message).signature)
    assert signer_of(message, signature) == alice.address
    assert signer_of(DOMAIN.acknowledgement(bytes(32)), signature) != alice.address


@pytest.mark.parametrize("form", REFUSED_FORMS)
def test_signature_in_a_form_that_the_contract_refuses_is_nobodys(form: str) -> None:
    message = DOMAIN.receipt(bytes(32))
    signature = bytes(alice.sign_message(message).signature)
    assert signer_of(message, REFUSED_FORMS[form](signature)) is None


@given(signature=st.binary(max_size=100))
def test_malformed_signature_is_nobodys(signature: bytes) -> None:
    assert signer_of(DOMAIN.receipt(bytes(32)), signature) != alice.address


@pytest.mark.parametrize("chain_id", [0, -1])
def test_chain_id_that_cannot_be(chain_id: int) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        Domain(chain_id=chain_id, contract=DOMAIN.contract)
