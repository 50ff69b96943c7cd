"""Price functions of models that daemons price for."""

import io
from pathlib import Path

from scripts.localnet import ETHER

from tests.kit.data import blobs, csv


def class_two_wanted(folder: Path) -> Path:
    """A price function in ``folder`` whose owner lacks class 2."""
    from sklearn.linear_model import LogisticRegression

    from assay_pricing.fitting import fit
    from assay_pricing.price import PricingRule
    from assay_pricing.records.inference import infer
    from assay_pricing.records.tables import parse_table, to_records

    tables = [parse_table(io.BytesIO(csv(1, 150, (0, 1)))), parse_table(io.BytesIO(csv(2, 300)))]
    schema = infer(tables, "y", classes=("0", "1", "2")).schema
    owner, validation = (to_records(table, schema) for table in tables)
    model = LogisticRegression().fit(*blobs(1, 150, (0, 1)))
    rule = PricingRule(rate=ETHER // 10, cap=ETHER)
    fit(model, owner, validation=validation, rule=rule).save(folder)
    return folder
