"""``assay sell`` and ``assay buy`` killed with SIGKILL at random moments, and run again: the sale ends as any other.

A kill repeats at most 2 % of what they send, and of what they receive over a line with a rate. Without one, a kill
costs what the kernel took for a process that had not asked for it yet.
"""

import random
import subprocess
import time
from collections.abc import Callable

import pytest
from scripts.chaos.line import Line, port_of

from tests.kit.data import csv
from tests.kit.town import Party, Town

pytestmark = [pytest.mark.integration, pytest.mark.slow]

POINTS = 20
RECORDS = 200_000
LONGEST = 6.0
"""Seconds in which a command seals, sends or receives the file."""
REPEATED = 0.02
DELAY = 0.05
"""Seconds that the line takes for 64 KiB of a connection: some 40 Mbit/s in four."""
REQUEST = 8192
"""Bytes of the requests of a command beside the file, or of the answers to them: so many or fewer."""
SENT, RECEIVED = 0, 1


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


def long(table: bytes) -> bytes:
    """The same records with eighty digits after each point: a piece of an upload is less than 2 % of the file."""
    head, *lines = table.decode().splitlines()
    rows = (line.rpartition(",") for line in lines)
    return "\n".join(
        [head, *(",".join([*(f"{float(x):.80f}" for x in xs.split(",")), y]) for xs, _, y in rows)]
    ).encode()


def killed_at_shares(line: Line, way: int, size: int, start: Callable[[], "subprocess.Popen[str]"]) -> None:
    """Kills a command at twenty shares of its transfer, each time that the line has carried as much of it."""
    for point in range(1, POINTS + 1):
        command = start()
        while line.carried[way] < size * point / (POINTS + 1):
            assert command.poll() is None, command.communicate()
            time.sleep(0.0005)
        command.kill()
        command.communicate()


def test_kill_repeats_little_of_what_is_sent_and_received(town: Town, ada: Party) -> None:
    data = town.file("sent.csv", long(csv(11, RECORDS, (2,))))
    size, model, into = data.stat().st_size, town.fresh[-2], town.folder / "received"
    with Line([port_of(town.url)]) as line:
        town.daemon.stop()
        config = town.folder / "oracle.toml"
        config.write_text(f'urls = ["{line.url}", "{town.url}"]\n{config.read_text()}')
        town.daemon.start()
        sell = ("sell", data, "--model", model, "--yes")
        killed_at_shares(line, SENT, size, lambda: ada.start(*sell, "--quote-only", ASSAY_ORACLE=line.url))
        ada.assay(*sell, "--quote-only", status=4, ASSAY_ORACLE=line.url)
        sent = line.carried[SENT]
        selling = ada.start(*sell)
        line.carried[RECEIVED] = 0
        line.slow(DELAY)
        buy = ("buy", "--model", model, "--into", into)
        killed_at_shares(line, RECEIVED, size, lambda: town.owner.start(*buy, ASSAY_ORACLE=line.url))
        buying = town.owner.start(*buy, ASSAY_ORACLE=line.url)
        ada.end(selling)
        buying.kill()
        buying.communicate()
        town.owner.assay(*buy, "--once", ASSAY_ORACLE=line.url)
        received = line.carried[RECEIVED]
    (opened,) = into.glob("*.csv")
    assert opened.read_bytes() == data.read_bytes()
    most = REPEATED * size
    assert sent - size <= POINTS * (most + REQUEST)
    assert received - size <= POINTS * (most + REQUEST)
