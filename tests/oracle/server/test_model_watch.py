"""Models come, go, fall ill and recover while the daemon runs; the others are served all the time."""

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from assay.chain.proven import ProofsNotTaken
from assay.errors import ChainError, SettingsError
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import ModelTerms
from assay_oracle.errors import ModelUnavailable, ModelUnknown
from assay_oracle.server.model_watch import ModelWatch
from assay_oracle.services.appraiser import Appraiser
from assay_oracle.services.catalogue import Catalogue
from assay_oracle.settings import ModelEntry
from assay_pricing.errors import ArtifactError
from tests.kit.actors import oracle_account, rival_account, seller_account
from tests.kit.bids import bid
from tests.kit.market import OPERATOR_TOKEN, ORACLE_URL, Market
from tests.kit.memory_chain import MemoryChain
from tests.kit.memory_contract import HALTED
from tests.kit.orders import count_calls

pytestmark = pytest.mark.unit

DATA = b"a\nb\n"


class Operator:
    """Configures models of one market; an artifact is a folder with one file, and sound while that says so."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.entries: list[ModelEntry] | SettingsError = []
        self.loads = 0
        self.catalogue = Catalogue()
        self.watch = ModelWatch(
            self.catalogue, market.chain, read=self.read, load=self.load, oracles=lambda: (oracle_account.address,)
        )

    def read(self) -> list[ModelEntry]:
        if isinstance(self.entries, SettingsError):
            raise self.entries
        return self.entries

    def load(self, entry: ModelEntry) -> Appraiser:
        self.loads += 1
        try:
            content = (entry.artifact / "function").read_text()
        except OSError as error:
            raise ArtifactError(f"cannot read {entry.artifact}: {error.strerror}", hint="fit it") from None
        if content == "altered":
            raise ArtifactError("altered files", hint="restore it")
        if content == "broken":
            raise RuntimeError("a tensor of another shape")
        return self.market.appraiser()

    def write(self, name: str, content: str = "sound") -> Path:
        folder = self.market.home / name
        folder.mkdir(exist_ok=True)
        (folder / "function").write_text(content)
        return folder

    def register(self, salt: int) -> ModelTerms:
        terms = self.market.terms.model_copy(update={"salt": salt.to_bytes(32, "big")})
        owner = self.market.chain.seen_by(terms.owner)
        owner.register_model(terms, oracle_account.address)
        owner.fund(terms, terms.max_price)
        return terms


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    made = Operator(Market(tmp_path))
    made.entries = [ModelEntry(id=made.market.model_id, artifact=made.write("first"))]
    return made


def second(operator: Operator, content: str = "sound") -> ModelEntry:
    terms = operator.register(1)
    return ModelEntry(id=operator.market.chain.model_id(terms), artifact=operator.write("second", content))


def remove(operator: Operator, entry: ModelEntry) -> None:
    (entry.artifact / "function").unlink()
    entry.artifact.rmdir()


ILLNESSES: dict[str, Callable[[Operator, ModelEntry], None]] = {
    "missing": remove,
    "altered": lambda operator, _: operator.write("second", "altered") and None,
    "broken": lambda operator, _: operator.write("second", "broken") and None,
}


@pytest.mark.parametrize("illness", ILLNESSES)
def test_one_sick_model_leaves_the_others_served_and_is_served_once_mended(
    operator: Operator, illness: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, sick = operator.entries[0], second(operator)
    operator.entries = [first, sick]
    ILLNESSES[illness](operator, sick)
    operator.watch.refresh()
    assert operator.catalogue.ids == (first.id,)
    assert [(found.model_id, found.code) for found in operator.catalogue.unavailable] == [(sick.id, "artifact_error")]
    with pytest.raises(ModelUnavailable, match="artifact_error") as problem:
        operator.catalogue.get(sick.id)
    assert str(sick.artifact) not in f"{problem.value.message} {problem.value.hint}"
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert any("model unavailable" in record.getMessage() for record in errors)

    operator.watch.refresh()
    assert len([record for record in caplog.records if "model unavailable" in record.getMessage()]) == 1
    operator.write("second")
    operator.watch.refresh()
    assert operator.catalogue.ids == (first.id, sick.id)
    assert operator.catalogue.unavailable == ()


def test_artifact_is_read_again_only_after_it_changed(operator: Operator) -> None:
    for _ in range(3):
        operator.watch.refresh()
    assert operator.loads == 1
    kept = operator.catalogue.get(operator.market.model_id)
    operator.write("first", "altered")
    operator.watch.refresh()
    assert operator.catalogue.ids == ()
    os.utime(operator.write("first") / "function", ns=(1, 1))
    operator.watch.refresh()
    assert operator.catalogue.get(operator.market.model_id) is not kept


def test_model_is_served_once_it_is_registered(operator: Operator) -> None:
    chain = operator.market.chain
    terms = operator.market.terms.model_copy(update={"salt": (2).to_bytes(32, "big")})
    operator.entries = [*operator.entries, ModelEntry(id=chain.model_id(terms), artifact=operator.write("third"))]
    operator.watch.refresh()
    assert [found.code for found in operator.catalogue.unavailable] == ["model_unknown"]
    operator.register(2)
    operator.watch.refresh()
    assert chain.model_id(terms) in operator.catalogue.ids


def test_price_function_of_another_model_is_not_served(operator: Operator) -> None:
    load = operator.load

    def foreign(entry: ModelEntry) -> Appraiser:
        made = load(entry)
        return type("Foreign", (), {"info": replace(made.info, hash=b"\x0b" * 32)})()  # type: ignore[no-any-return]

    other = second(operator)
    operator.watch._load = lambda entry: foreign(entry) if entry == other else load(entry)
    operator.entries = [*operator.entries, other]
    operator.watch.refresh()
    assert operator.catalogue.ids == (operator.market.model_id,)
    assert [found.code for found in operator.catalogue.unavailable] == ["price_function_differs"]


@pytest.mark.parametrize(
    ("oracle", "code"), [(rival_account.address, "oracle_replaced"), (HALTED, "model_halted")], ids=["other", "halted"]
)
def test_revoked_model_is_reported_and_its_offers_learn_the_other_oracle(
    operator: Operator, oracle: str, code: str
) -> None:
    operator.market.contract.change_model(operator.market.model_id, oracle=oracle)
    operator.watch.refresh()
    assert operator.catalogue.ids == ()
    assert [found.code for found in operator.catalogue.unavailable] == [code]
    assert operator.catalogue.get(operator.market.model_id)
    operator.market.contract.change_model(operator.market.model_id, oracle=oracle_account.address)
    operator.market.node.mine()
    operator.watch.refresh()
    assert operator.catalogue.ids == (operator.market.model_id,)


def test_a_contract_that_asks_for_proofs_is_signed_for_once_the_model_names_it(operator: Operator) -> None:
    """No restart: what takes other proofs than are made here is reported, and its successor is served."""
    market, signed, refused, taken = (
        operator.market,
        [oracle_account.address],
        "0x" + 39 * "0" + "7",
        "0x" + 39 * "0" + "8",
    )
    entry = operator.entries[0].model_copy(update={"proofs": operator.write("proofs")})  # type: ignore[index]

    def follow(followed: ModelEntry, terms: ModelTerms, contract: str) -> None:
        assert (followed, terms) == (entry, market.terms)
        if contract == refused:
            raise ProofsNotTaken("other keys", hint="make a contract of them")
        signed.append(contract)

    operator.entries = [entry]
    operator.watch = ModelWatch(
        *(operator.catalogue, market.chain),
        read=operator.read,
        load=operator.load,
        oracles=lambda: signed,
        follow=follow,
    )
    for contract, codes in ((refused, ["proofs_not_taken"]), (taken, [])):
        market.contract.change_model(market.model_id, oracle=contract)
        market.node.mine()
        operator.watch.refresh()
        assert [found.code for found in operator.catalogue.unavailable] == codes
    assert signed == [oracle_account.address, taken]
    operator.write("proofs", "others")
    operator.watch.refresh()
    assert operator.loads == 2, "a new folder is read, and a file in it that changed"


def test_model_is_looked_up_once_for_each_block(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    operator.entries = [operator.entries[0], second(operator)]
    operator.watch.refresh()
    called = count_calls(monkeypatch, "model_state")
    operator.watch.refresh()
    assert called == []
    operator.market.node.mine()
    operator.watch.refresh()
    operator.watch.refresh()
    assert called == 2 * ["model_state"]


def test_model_that_could_not_be_looked_up_is_looked_up_again_at_the_same_block(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ChainError("expected an answer", hint="use another node")

    operator.watch.refresh()
    operator.market.contract.change_model(operator.market.model_id, oracle=HALTED)
    operator.market.node.mine()
    with monkeypatch.context() as patch:
        patch.setattr(MemoryChain, "model_state", fails)
        operator.watch.refresh()
        assert operator.catalogue.ids == (operator.market.model_id,)
    operator.watch.refresh()
    assert [found.code for found in operator.catalogue.unavailable] == ["model_halted"]


def test_models_are_added_and_removed_without_a_restart(operator: Operator) -> None:
    operator.watch.refresh()
    first, added = operator.entries[0], second(operator)
    with pytest.raises(ModelUnknown, match="prices for") as unknown:
        operator.catalogue.get(added.id)
    assert "models add" in str(unknown.value.hint)
    kept = operator.catalogue.get(first.id)
    operator.entries = [first, added]
    operator.watch.refresh()
    assert operator.catalogue.ids == (first.id, added.id)
    assert operator.catalogue.get(first.id) is kept
    operator.entries = [added]
    operator.watch.refresh()
    assert operator.catalogue.ids == (added.id,)


def test_without_models_the_daemon_waits_and_says_so(operator: Operator, caplog: pytest.LogCaptureFixture) -> None:
    entries, operator.entries = operator.entries, []
    operator.watch.refresh()
    operator.watch.refresh()
    assert [record.getMessage() for record in caplog.records].count(
        "no model to price for: waiting until one is added"
    ) == 1
    operator.entries = entries
    operator.watch.refresh()
    assert operator.catalogue.ids == (operator.market.model_id,)


def test_settings_that_cannot_be_read_leave_everything_as_it_was(
    operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    operator.watch.refresh()
    operator.entries = SettingsError("no TOML")
    operator.watch.refresh()
    operator.watch.refresh()
    assert operator.catalogue.ids == (operator.market.model_id,)
    assert len([record for record in caplog.records if "settings not read again" in record.getMessage()]) == 1


# --- what sellers see -------------------------------------------------------------------------------------------------


@pytest.fixture
def served(operator: Operator) -> Operator:
    """The market's oracle over a catalogue that is watched."""
    operator.watch.refresh()
    market = operator.market
    market.catalogue = operator.catalogue
    market.open_oracle()
    return operator


def test_offer_to_a_sick_model_is_answered_with_when_to_try_again(served: Operator) -> None:
    market = served.market
    served.write("first", "altered")
    served.watch.refresh()
    made = bid(market.model_id, DATA)
    with httpx.Client(transport=market.transport, base_url=ORACLE_URL) as http:
        seller = market.bearer(seller_account)
        answer = http.post("/v1/offers", json=made.request.model_dump(mode="json"), headers=seller)
        assert (answer.status_code, answer.json()["code"]) == (503, "model_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        info = http.get("/v1/info").json()
        assert info["models"] == []
        assert info["unavailable"] == [{"model_id": f"0x{market.model_id.hex()}", "code": "artifact_error"}]
        health = http.get("/v1/health", headers={"Authorization": f"Bearer {OPERATOR_TOKEN}"}).json()
        assert health["unavailable_models"] == info["unavailable"]
        assert http.get("/").json()["api"] == "/v1"


def test_uploaded_offer_waits_while_its_model_is_sick(served: Operator) -> None:
    market = served.market
    made = bid(market.model_id, DATA)
    offer_id = market.upload(made).offer_id
    served.write("first", "altered")
    served.watch.refresh()
    market.work()
    assert market.offers.state(offer_id).status is OfferStatus.PRICING
    served.write("first")
    served.watch.refresh()
    market.work()
    assert market.offers.state(offer_id).status is OfferStatus.QUOTED


def test_accepted_offer_of_a_removed_model_is_posted_and_delivered(served: Operator) -> None:
    market = served.market
    made, state = market.offer(DATA)
    market.accept(made, state)
    served.entries = []
    served.watch.refresh()
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED
    assert state.quote is not None
    assert market.delivery.sealed(state.quote.order_id()).size > 0
