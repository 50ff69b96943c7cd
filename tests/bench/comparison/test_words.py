"""How figures are printed."""

import pytest

from assay_bench.comparison.reporting.report import Spread
from assay_bench.comparison.reporting.words import quantity, shown

pytestmark = pytest.mark.unit


def test_seconds_and_bytes_are_printed_with_their_unit_and_never_read_as_minutes() -> None:
    assert quantity(0.434, "s", 0.0066) == "434 ± 6.6 ms"
    assert quantity(7234.0, "s") == "7,234 s"
    assert quantity(6.1e-4, "s") == "610 µs"
    assert quantity(20_800, "B") == "21 kB"
    assert quantity(5.9e9, "B", 1e8) == "5.9 ± 0.1 GB"
    assert (quantity(0, "s"), quantity(12, "B"), quantity(2.06, "")) == ("0 s", "12 B", "2.1")


def test_a_figure_shows_its_error_and_that_it_was_extrapolated() -> None:
    values = {701: 100.0, 702: 120.0}
    assert shown("seconds", Spread(mean=110, error=10, values=values, formula="100 steps")) == r"110 ± 10 s\*"
    assert shown("gas", Spread(mean=141_753, error=0, values=values)) == "141,753"
    assert shown("rank", Spread(mean=0.5, error=0.25, values=values)) == "0.50 ± 0.25"
    assert shown("rank", Spread(mean=None, error=None, values={}, why="no price")) == "not defined"
