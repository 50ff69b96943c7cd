"""What the parties read of an appraisal."""

import hashlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from assay_pricing.appraisal import NO_VALUE, Appraisal, Verdict, reasons_for, reasons_for_seller
from assay_pricing.records.records import Records
from tests.pricing.contexts import records
from tests.pricing.machines import SCHEMA

pytestmark = pytest.mark.unit
OFFER = records([[0.0]] * 5, [0, 1, 0, 1, 0], 2)
MIXED = [Verdict.USEFUL, Verdict.HARMFUL, Verdict.REPEATED, Verdict.OWNED, Verdict.PRICED]
JOINT = "The offer is priced together with 7 records of the seller's other offers: it is paid for what it adds to them."
TOO_SMALL = "The predicted gain is too small for the owner's pricing rule. Price: 0."
NO_GAIN = (
    "No gain is predicted beyond what is not paid: what chance, worthless data, or no new data at all may bring. "
    "Price: 0."
)
PAID = "Together, the records are predicted to improve the model's log_loss."


def appraisal() -> Appraisal:
    return Appraisal(
        record_values=np.array([0.12345678, -1.0]),
        verdicts=(Verdict.USEFUL, Verdict.HARMFUL),
        set_value=0.25,
        predicted_gain=0.2,
        interval=(0.1, 0.3),
        price=2**90,
        fidelity=0.95,
        records=2,
        distinct=2,
        priced=2,
        metric="log_loss",
        data_hash=b"\x01" * 32,
        function_hash=b"\x02" * 32,
        reasons=(PAID,),
    )


def test_every_verdict_has_a_meaning_and_duplicates_share_one_reason() -> None:
    """A seller who offers guesses must not learn from a reason which of them the owner has."""
    assert len({verdict.meaning for verdict in Verdict}) == len(Verdict)
    duplicates = [verdict for verdict in Verdict if verdict.is_duplicate]
    assert duplicates == [Verdict.REPEATED, Verdict.OWNED, Verdict.PRICED]
    assert len({verdict.reason for verdict in duplicates}) == 1
    assert Verdict.USEFUL.reason is None


def test_rows_that_are_left_out_are_named_in_runs() -> None:
    kept, out = Verdict.USEFUL, Verdict.EXCLUDED
    found = replace(appraisal(), verdicts=(out, kept, out, out, out, kept, out, out))
    assert found.left_out == "0, 2-4, 6-7"
    assert appraisal().left_out == ""


def test_reasons_count_the_duplicates_together() -> None:
    first, second, last = reasons_for(OFFER, MIXED, "log_loss", 0.1, 5, 0)
    assert first.startswith("3 of 5 records are exact duplicates (within the offer, of the owner's data, or of data")
    assert second == "1 of 5 records are not reliably predicted to lower the risk by themselves."
    assert last == PAID


@pytest.mark.parametrize(
    ("gain", "price", "others", "expected"),
    [
        (0.1, 5, 0, [PAID]),
        (0.1, 5, 7, [JOINT, PAID]),
        (0.1, 0, 0, [TOO_SMALL]),
        (0.0, 0, 7, [JOINT, NO_GAIN]),
        (-0.1, 0, 0, [NO_GAIN]),
    ],
)
def test_the_last_reason_explains_the_price(gain: float, price: int, others: int, expected: list[str]) -> None:
    assert list(reasons_for(OFFER, [Verdict.USEFUL] * 5, "log_loss", gain, price, others)) == expected


def test_an_offer_of_duplicates_alone_has_no_word_on_a_gain() -> None:
    reasons = list(reasons_for(OFFER, [Verdict.OWNED] * 5, "log_loss", 0.0, 0, 7))
    assert reasons[1:] == ["All records are exact duplicates. Price: 0."]


def test_unseen_values_are_counted_by_column() -> None:
    x = np.array([[0, 0, 0, 0, 2], [0, 0, 0, 0, 3]], dtype=np.float32)
    offer = Records(SCHEMA, x, np.zeros(2), {4: ("east", "west")})
    reasons = list(reasons_for(offer, [Verdict.USEFUL] * 2, "log_loss", 0.1, 1, 0))
    assert reasons == ["Column 'site' has 2 values that the model does not know.", PAID]


def test_no_reason_has_a_figure_of_the_gain() -> None:
    for gain in (-0.123, 0.0, 0.123):
        assert not any(re.search(r"[0-9]\.[0-9]", text) for text in reasons_for(OFFER, MIXED, "log_loss", gain, 0, 3))


@pytest.mark.parametrize("price", [0, 5])
@pytest.mark.parametrize("other", [Verdict.OWNED, Verdict.PRICED, Verdict.HARMFUL, Verdict.USEFUL])
def test_a_prober_reads_nothing_of_one_record_among_any_others(price: int, other: Verdict) -> None:
    """Two offers that differ in the verdict on one record have the same reasons at the same price."""
    for others in ([], [Verdict.USEFUL] * 4, [Verdict.OWNED] * 4, [Verdict.REPEATED] * 4):
        offer = OFFER.take(range(len(others) + 1))
        found, expected = (
            list(reasons_for_seller(offer, [verdict, *others], "log_loss", price, 0))
            for verdict in (other, Verdict.USEFUL)
        )
        assert found == expected
        assert found[-1] == (PAID if price else NO_VALUE)


def test_a_seller_reads_what_it_knows_itself() -> None:
    copies, joint, last = reasons_for_seller(OFFER, MIXED, "log_loss", 5, 7)
    assert copies == "1 of 5 records repeat another record of the offer and were not priced."
    assert (joint, last) == (JOINT, PAID)


def test_copies_leave_nothing_in_the_canonical_form() -> None:
    whole = replace(
        appraisal(),
        record_values=np.array([0.5, 0.0, 0.0]),
        verdicts=(Verdict.USEFUL, Verdict.REPEATED, Verdict.REPEATED),
        records=3,
    )
    found = json.loads(whole.canonical_json())
    assert (found["points"], found["verdicts"], found["records"]) == ([0.5], ["useful"], 3)


def test_the_canonical_form_rounds_values_and_writes_the_price_as_text() -> None:
    found = json.loads(appraisal().canonical_json())
    assert found["points"] == [0.123457, -1]
    assert found["price"] == str(2**90)
    assert found["data_hash"] == "0x" + "01" * 32
    assert set(found) == {
        *("points", "verdicts", "set_value", "predicted_gain", "interval", "price", "fidelity"),
        *("records", "priced", "metric", "data_hash", "function_hash", "reasons"),
    }
    assert appraisal().digest() == hashlib.sha256(appraisal().canonical_json()).digest()
