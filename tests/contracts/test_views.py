"""The views: ids and digests as the client and the standards compute them, states as they are."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from assay.protocol.statements import digest
from assay.protocol.structs import Status, order_id
from assay.protocol.types import NATIVE_TOKEN
from tests.contracts.world import ETHER, World, bytes32

pytestmark = pytest.mark.integration


def test_model_ids_name_chain_and_contract(world: World) -> None:
    terms = world.terms()

    expected = keccak(encode(["uint256", "address"], [31337, world.settlement.address]) + terms.abi_encode())
    assert world.settlement.modelIdOf(terms.abi_values()) == expected == world.model_id(terms)


def test_order_ids_name_model_and_content(world: World) -> None:
    model, content = bytes32("model"), bytes32("content")

    assert world.settlement.orderIdOf(model, content) == keccak(model + content) == order_id(model, content)
    assert world.settlement.orderIdOf(content, model) != order_id(model, content)


def test_digests_are_those_that_the_client_signs(world: World) -> None:
    quote = world.quote(world.terms())
    quoted, word, lock = digest(world.domain.quote(quote)), bytes32("order"), bytes32("lock")

    assert world.settlement.quoteDigest(quote.abi_values()) == quoted
    assert world.settlement.acceptanceDigest(quoted, lock) == digest(world.domain.acceptance(quoted, lock))
    assert world.settlement.receiptDigest(word) == digest(world.domain.receipt(word))
    assert world.settlement.acknowledgementDigest(word) == digest(world.domain.acknowledgement(word))


def test_the_domain_is_that_of_eip_712(world: World) -> None:
    kind = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    values = [kind, keccak(b"Assay"), keccak(b"1"), 31337, world.settlement.address]

    expected = keccak(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"], values))
    assert world.settlement.domainSeparator() == expected


def test_what_is_not_there_is_empty(world: World) -> None:
    nowhere, nobody = bytes32("nothing"), world.relayer.address

    assert tuple(world.settlement.modelState(nowhere)) == (NATIVE_TOKEN, 0, False)
    assert tuple(world.settlement.orderState(nowhere)) == (Status.NONE, 0, 0)
    assert world.settlement.creditOf(NATIVE_TOKEN, nobody) == 0
    assert tuple(world.settlement.oracleState(nowhere, nobody)) == (0, 0, False)


@pytest.mark.parametrize("status", [Status.LOCKED, Status.REVEALED, Status.PAID, Status.DISPUTED, Status.REFUNDED])
def test_an_order_keeps_its_digest_and_loses_its_deadline_when_it_closes(world: World, status: Status) -> None:
    sale = world.sale_in(status)

    shown, deadline, stored = world.settlement.orderState(sale.order_id)

    assert shown == status
    assert (deadline > 0) == (status in (Status.LOCKED, Status.REVEALED))
    assert stored == int.from_bytes(sale.order.digest(), "big") % 2**208


def test_a_models_state_is_its_oracle_and_its_budget(world: World) -> None:
    terms = world.open(budget=ETHER)

    assert tuple(world.settlement.modelState(world.model_id(terms))) == (world.oracle.address, ETHER, True)
