"""Sales to models whose oracle is a Safe of three daemons, two of whom sign: one lies, one is slow, one is dead."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from scripts.localnet import BIN, anvil, eventually
from scripts.safe import replace_first_owner

from assay.errors import ContractReverted, OracleUnreachable
from assay.protocol.statements import digest, signer_of
from assay.protocol.structs import Status
from assay.sale.offers import OfferRecord, OfferStore
from tests.kit.actors import PASSWORD, buyer_account, seller_account
from tests.kit.artifacts import class_two_wanted
from tests.kit.data import csv
from tests.kit.live_committee import MEMBERS, LiveCommittee

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def committee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCommittee]:
    folder = tmp_path_factory.mktemp("committee")
    with (
        anvil(folder / "anvil.log") as node,
        LiveCommittee(folder, node, class_two_wanted(folder / "price"), models=3) as made,
    ):
        yield made


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "useful.csv"
    path.write_bytes(csv(10, 60, (2,)))
    return path


def owners_of(committee: LiveCommittee, record: OfferRecord) -> list[str | None]:
    assert record.quote is not None
    assert record.oracle_signature is not None
    domain = committee.chain(None).domain
    message = domain.for_safe(committee.safe, digest(domain.quote(record.quote)))
    return [signer_of(message, record.oracle_signature[start:][:65]) for start in (0, 65)]


def test_member_that_lies_changes_no_price_and_stops_no_sale(committee: LiveCommittee, data: Path) -> None:
    """Both sides by command: ``assay sell`` and ``assay buy`` take the URLs of all members."""
    committee.kill(2)
    committee.restart(2, lying=True)
    assert {member.info().committee for member in committee.committee().members} == {committee.safe}
    seller, owner = committee.party("ada", seller_account), committee.party("owner", buyer_account)
    model, into = f"0x{committee.models[0].hex()}", committee.folder / "bought by command"
    owner.start("buy", "--model", model, "--into", into, "--every", "0.2")
    sold = seller.assay("sell", data, "--model", model, "--yes")
    (record,) = OfferStore(seller.home).all()
    assert record.quote is not None
    assert (sold["status"], sold["price"]) == ("paid", str(record.quote.price))
    assert set(owners_of(committee, record)) == {MEMBERS[0].address, MEMBERS[1].address}
    assert committee.chain(None).revealed_key(record.quote.order_id()) is None
    (bought,) = eventually(lambda: list(into.glob("*.csv")))
    assert bought.read_bytes() == data.read_bytes()


def test_one_member_alone_sells_nothing_and_two_of_three_do(committee: LiveCommittee, data: Path) -> None:
    """One is dead, one stands still and then continues."""
    model = committee.models[1]
    committee.kill(2)
    hasty = committee.seller(timeout=5, attempts=1)
    record = hasty.prepare(data, model)
    committee.stop(1)
    with pytest.raises(OracleUnreachable, match="expected 2 members of the committee that answer the same"):
        hasty.offer(record)
    committee.resume(1)
    seller = committee.seller()
    record, _ = seller.offer(record)
    assert set(owners_of(committee, record)) == {MEMBERS[0].address, MEMBERS[1].address}
    assert (
        committee.chain(None).order_state(seller.order(seller.accept(record)).order.order_id()).status is Status.LOCKED
    )
    committee.restart(2)


@pytest.mark.slow
def test_member_that_the_safe_replaced_counts_no_more(committee: LiveCommittee, data: Path) -> None:
    """One is slow while the price is made; then the first member is replaced, whose signature the quote has."""
    seller, model = committee.seller(), committee.models[2]
    committee.stop(1)
    record, _ = seller.offer(seller.prepare(data, model))
    committee.resume(1)
    assert set(owners_of(committee, record)) == {MEMBERS[0].address, MEMBERS[2].address}
    seller.offer(record)  # the slow one prices, too
    eventually(lambda: _has_priced(committee, 1, record))
    new = Account.from_key(bytes([24]) * 32)
    replace_first_owner(committee.node.rpc, committee.safe, MEMBERS[0].address, new.address)
    with pytest.raises(ContractReverted, match="QuoteSignatureInvalid"):
        seller.post(seller.bind(record))
    accepted = seller.accept(record)
    assert set(owners_of(committee, accepted)) == {MEMBERS[1].address, MEMBERS[2].address}
    found = {finding["name"]: finding for finding in _checked(committee, 0)}
    assert not found["committee member"]["ok"]
    assert f"{MEMBERS[0].address} is none of them" in found["committee member"]["message"]
    assert found["committee threshold"]["ok"]
    assert {name: finding["ok"] for name, finding in found.items() if "http" in name} == {
        f"committee {committee.daemons[1].url}": True
    }


def _has_priced(committee: LiveCommittee, member: int, record: OfferRecord) -> bool:
    assert record.offer_id is not None
    asked = committee.committee().as_party_of(seller_account, committee.chain(None).domain)
    return asked.members[member].offer(record.offer_id).quote is not None


def _checked(committee: LiveCommittee, member: int) -> list[dict[str, object]]:
    """What ``assay-oracle check`` finds for a member that names another one."""
    others = json.dumps([committee.daemons[1].url])
    done = subprocess.run(
        [BIN / "assay-oracle", "check", "--json", "--config", committee.daemons[member].config],
        capture_output=True,
        text=True,
        env={**os.environ, "ASSAY_ORACLE_PASSWORD": PASSWORD, "ASSAY_ORACLE_COMMITTEE_URLS": others},
    )
    found: list[dict[str, object]] = json.loads(done.stdout)["findings"]
    return found
