"""Kinds of faults. Each strikes and lasts; ``Town.heal`` takes it back."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from chaos.clients import kill_one_of
from chaos.stage import CONFIRMATIONS
from chaos.town import Town

_FULL = 4096
"""Bytes of a file on a full disk: every file of a ledger is larger."""
_LONGEST = 6.0
"""Seconds of the longest fault: longer than a replica's claim is renewed in."""
_LONGEST_DELAY = 1.5
_CLOCK = (60, 900)
"""Seconds by which the chain's clock jumps, less than any deadline."""


def kill(town: Town, random: Random) -> None:
    """A daemon is killed in the middle of whatever it does."""
    town.any_replica(random).kill()
    time.sleep(random.uniform(0, _LONGEST))


def cut_power(town: Town, random: Random) -> None:
    """A daemon's machine loses its power, and what it had not synced to the disk."""
    town.any_replica(random).cut_power()
    time.sleep(random.uniform(0, _LONGEST))


def kill_seller(town: Town, random: Random) -> None:
    """A command that sells is killed; its seller starts it again."""
    kill_one_of(town.selling, random)


def kill_buyer(town: Town, random: Random) -> None:
    """A command that buys is killed; its buyer starts it again."""
    kill_one_of(town.buying, random)


def kill_pricing(town: Town, random: Random) -> None:
    """A process that prices is killed."""
    for child in town.any_replica(random).pricing_processes():
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def freeze(town: Town, random: Random) -> None:
    """A daemon stands still, as in a machine that is suspended."""
    town.any_replica(random).signal(signal.SIGSTOP)
    time.sleep(random.uniform(1, 2 * _LONGEST))


def cut_oracle(town: Town, random: Random) -> None:
    """Every connection to the oracle breaks."""
    town.to_oracle.cut()
    time.sleep(random.uniform(0, _LONGEST))


def cut_node(town: Town, random: Random) -> None:
    """Every connection to the node breaks."""
    town.to_node.cut()
    time.sleep(random.uniform(0, _LONGEST))


def slow_lines(town: Town, random: Random) -> None:
    """Node and oracle answer late."""
    for line in (town.to_node, town.to_oracle):
        line.slow(random.uniform(0, _LONGEST_DELAY))
    time.sleep(_LONGEST)


def reorganise(town: Town, random: Random) -> None:
    """The last blocks are replaced by empty ones, not more than clients wait for."""
    town.node.rpc("anvil_reorg", random.randint(1, CONFIRMATIONS), [])


def fill_disk(town: Town, random: Random) -> None:
    """A daemon can write to no file beyond its first bytes."""
    town.any_replica(random).limit_files(_FULL)
    time.sleep(random.uniform(1, _LONGEST))


def jump_clock(town: Town, random: Random) -> None:
    """The chain's clock jumps forward."""
    town.node.pass_time(random.randint(*_CLOCK))


FAULTS: tuple[Callable[[Town, Random], None], ...] = (
    kill,
    cut_power,
    kill_pricing,
    kill_seller,
    kill_buyer,
    freeze,
    cut_oracle,
    cut_node,
    slow_lines,
    reorganise,
    fill_disk,
    jump_clock,
)
STEPS = 40
"""Steps of a run in which a fault may strike: ten sales take more."""
MOST = 3
"""Faults of a run."""


@dataclass(frozen=True)
class Strike:
    """A fault at a step."""

    step: int
    fault: Callable[[Town, Random], None]

    @property
    def kind(self) -> str:
        """Name of the kind."""
        return self.fault.__name__


def drawn(seed: int) -> list[Strike]:
    """The faults of a run, in the order of their steps."""
    random = Random(seed)  # noqa: S311
    count = random.randint(1, MOST)
    steps = sorted(random.sample(range(1, STEPS + 1), count))
    return [Strike(step, random.choice(FAULTS)) for step in steps]
