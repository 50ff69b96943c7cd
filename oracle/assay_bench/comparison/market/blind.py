"""A blind quote in one process, by the product's own rounds."""

import secrets

from assay_bench.comparison.meter import Meter
from assay_bench.errors import MeasurementFailed
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.scorers.pricer import Pricer, to_records
from assay_pricing.blind.evaluator import digest
from assay_pricing.blind.seller import BlindSeller
from assay_pricing.sums.blind import blind_pricing
from assay_pricing.sums.form import form_of
from assay_pricing.sums.moments import Moments


def quoted(pricer: Pricer, data: Dataset, meter: Meter) -> int:
    """The blind price of an offer in wei; every message is counted.

    Raises:
        MeasurementFailed: The price function cannot be priced blindly.
    """
    pricing = blind_pricing(pricer.function)
    if pricing is None:
        raise MeasurementFailed("expected a price function with blind prices, got another")
    terms = form_of(pricer.function.method).terms
    sums = terms.statistics(Moments.of(terms.features, [to_records(data, pricer.schema)]))
    context, secret = secrets.token_bytes(32), secrets.token_bytes(32)
    seller = BlindSeller(pricing.form.shape, context, secrets.token_bytes)
    messages = [seller.first(sums.shrinkage, sums.solution)]
    for answer in (seller.second, seller.values):
        before = tuple(digest(message) for message in messages[:-1])
        sent = pricing.answer(context, secret, messages[-1], before, len(data))
        assert isinstance(sent, bytes)
        meter.sent(len(messages[-1]))
        meter.sent(len(sent))
        messages.append(answer(sent))
    meter.sent(len(messages[-1]))
    price = pricing.answer(context, secret, messages[-1], tuple(digest(m) for m in messages[:-1]), len(data))
    assert isinstance(price, int)
    return price
