"""``assay sell`` and ``assay buy`` killed with SIGKILL at random moments, and run again: the sale ends as any other."""

import random
import subprocess
from collections.abc import Callable

import pytest

from tests.kit.data import csv
from tests.kit.town import Party, Town

pytestmark = [pytest.mark.integration, pytest.mark.slow]

POINTS = 20
RECORDS = 200_000
LONGEST = 6.0
"""Seconds in which a command seals, sends or receives the file."""


def ended(start: Callable[[], "subprocess.Popen[str]"], chance: random.Random) -> tuple[int, "subprocess.Popen[str]"]:
    """Kills a command at random moments until it ends before; the number of kills, and the last run."""
    for kills in range(POINTS):
        command = start()
        try:
            command.wait(timeout=chance.uniform(0, LONGEST))
            return kills, command
        except subprocess.TimeoutExpired:
            command.kill()
            command.communicate()
    return POINTS, start()


def test_sale_of_a_large_file_by_commands_that_are_killed(town: Town, ada: Party) -> None:
    seed = 3
    chance = random.Random(seed)
    data = town.file("large.csv", csv(7, RECORDS, (2,)))
    model = town.fresh[-1]
    kills, selling = ended(lambda: ada.start("sell", data, "--model", model, "--yes", "--quote-only"), chance)
    assert kills >= POINTS / 2
    quoted = ada.end(selling, status=4)
    selling = ada.start("sell", data, "--model", model, "--yes")
    into = town.folder / "killed"
    kills, buying = ended(lambda: town.owner.start("buy", "--model", model, "--into", into), chance)
    paid = ada.end(selling)
    buying.kill()
    buying.communicate()
    town.owner.assay("buy", "--model", model, "--into", into, "--once")
    assert (paid["price"], kills) == (quoted["price"], POINTS)
    (opened,) = into.glob("*.csv")
    assert opened.read_bytes() == data.read_bytes()
