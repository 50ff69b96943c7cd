"""The table of methods in docs/pricing-methods.md is generated from the classes."""

import pytest
from scripts import write_docs

pytestmark = pytest.mark.unit


def test_the_table_of_methods_is_up_to_date() -> None:
    assert write_docs.written("pricing-methods.md") == (write_docs.DOCS / "pricing-methods.md").read_text()


def test_the_table_has_the_default_first_and_its_settings() -> None:
    lines = write_docs.methods().splitlines()
    assert lines[2].startswith("| `retraining` (default) |")
    assert "`neighbours=5`" in next(line for line in lines if line.startswith("| `knn` |"))
