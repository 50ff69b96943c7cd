"""Faults in the middle of ten concurrent sales, each run by its seed: ``make chaos``.

    PYTHONPATH=scripts python -m chaos --runs 200
    PYTHONPATH=scripts python -m chaos --seed 17 --ledger postgresql --keep

A run kills daemons and clients, freezes, cuts, slows, reorganises or fills the disk at one to three drawn steps. A seed
draws the same faults at the same steps each time; what happens between them depends on the machine. Writes
``out/chaos.json``, and ends with 1 if a sale was lost, doubled, priced wrongly or left unfinished. The folder of such a
run is kept.
"""

import argparse
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import postgres
from localnet import ROOT

from chaos.faults import FAULTS
from chaos.stage import Stage
from chaos.trial import Ended, run

OUT = ROOT / "out"
LEDGERS = ("sqlite", "postgresql")


def trials(seeds: Sequence[int], ledgers: Sequence[str], folder: Path, *, keep: bool) -> Iterator[Ended]:
    """The runs of all seeds, on the ledgers in turn."""
    stage = Stage(folder)
    with ExitStack() as held:
        server = None
        if "postgresql" in ledgers:
            programs = postgres.programs()
            if programs is None:
                sys.exit("error: expected PostgreSQL, found none\nhint: make setup fetches it")
            server = held.enter_context(postgres.server(programs))
        for index, seed in enumerate(seeds):
            kind = ledgers[index % len(ledgers)]
            place = folder / f"{seed}-{kind}"
            shutil.rmtree(place, ignore_errors=True)
            with _database(server if kind == "postgresql" else None) as url:
                found = run(stage, place, seed, url)
            if found.is_good() and not keep:
                shutil.rmtree(place)
            yield found


@contextmanager
def _database(server: postgres.Server | None) -> Iterator[str | None]:
    if server is None:
        yield None
        return
    with server.database() as url:
        yield url


def summary(found: Sequence[Ended]) -> dict[str, Any]:
    """The figures of all runs."""
    struck = Counter(fault.partition(" ")[0] for ended in found for fault in ended.faults)
    return {
        "runs": len(found),
        "ledgers": dict(Counter(ended.ledger for ended in found)),
        "sales": sum(sum(ended.outcomes.values()) for ended in found),
        "faults": {fault.__name__: struck[fault.__name__] for fault in FAULTS},
        **{name: sum(len(getattr(ended, name)) for ended in found) for name in KINDS},
        "failed": [ended.as_json() for ended in found if not ended.is_good()],
    }


KINDS = ("lost", "doubled", "wrong", "unfinished")


def line(ended: Ended) -> str:
    """One run for people."""
    faults = ", ".join(ended.faults) or "no fault"
    outcomes = ", ".join(f"{count} {name.lower()}" for name, count in sorted(ended.outcomes.items()))
    faulty = [text for name in KINDS for text in getattr(ended, name)]
    head = f"{ended.seed:>5} {ended.ledger:10} {ended.seconds:6.1f} s  {outcomes}  [{faults}]"
    return "\n".join([head, *(f"      {text}" for text in faulty)])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="number of runs")
    parser.add_argument("--first", type=int, default=0, help="seed of the first run")
    parser.add_argument("--seed", type=int, action="append", help="only the run of this seed; repeatable")
    parser.add_argument("--ledger", choices=LEDGERS, help="in place of both in turn")
    parser.add_argument("--keep", action="store_true", help="keep the folders of good runs, too")
    parser.add_argument("--out", type=Path, default=OUT / "chaos.json", help="file of the figures")
    given = parser.parse_args()
    folder = OUT / "chaos"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    seeds = given.seed or range(given.first, given.first + given.runs)
    found: list[Ended] = []
    for ended in trials(seeds, [given.ledger] if given.ledger else LEDGERS, folder, keep=given.keep):
        found.append(ended)
        print(line(ended), flush=True)
        given.out.write_text(json.dumps(summary(found), indent=1) + "\n")
    print(json.dumps({name: value for name, value in summary(found).items() if name != "failed"}, indent=1))
    if not all(ended.is_good() for ended in found):
        print(f"failed runs are kept in {folder}")
        sys.exit(1)


if __name__ == "__main__":
    main()
