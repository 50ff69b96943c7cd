"""A seed draws its faults; every kind is drawn."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.unit


def test_seed_draws_the_same_faults_each_time_and_all_seeds_every_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "scripts")
    from chaos.faults import FAULTS, MOST, drawn

    runs = [drawn(seed) for seed in range(100)]
    assert runs == [drawn(seed) for seed in range(100)]
    assert all(1 <= len(strikes) <= MOST for strikes in runs)
    assert all([strike.step for strike in strikes] == sorted(strike.step for strike in strikes) for strikes in runs)
    assert {strike.kind for strikes in runs for strike in strikes} == {fault.__name__ for fault in FAULTS}
