"""Several daemons on one ledger: as stacks of services in one process, and as processes that can be killed."""

import copy
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

from scripts.localnet import ROOT
from sqlalchemy import text

from assay_oracle.ledger.replica import RENEWAL_SECONDS
from assay_oracle.ledger.values import Offer
from tests.kit import actors
from tests.kit import market as kit
from tests.kit.market import Market


def replica(market: Market) -> Market:
    """Another daemon on the ledger, the files and the chain of ``market``, with its own connections."""
    other = copy.copy(market)
    other._open()
    return other


def age(market: Market) -> None:
    """The ledger as it is once no replica renewed anything for long."""
    for table in ("claims", "leases"):
        market.journal._database.execute(text(f"UPDATE {table} SET expires_at = 0"))


class Pricing:
    """A process that prices what waits in the ledger of ``market``, and says at which offer it is.

    Args:
        market: Its folder and ledger are used; its chain is not: the process has one of its own, in the same state.
        hold: Offers after which it stops in the middle of one, for ever.
    """

    def __init__(self, market: Market, *, hold: int = -1) -> None:
        identities = (actors.BUYER_IDENTITY, actors.ORACLE_IDENTITY)
        command = (sys.executable, "-m", "tests.kit.replicas", market.home, market.ledger, str(hold), *identities)
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def next_offer(self) -> str:
        """Waits until the process begins with an offer; its id."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """Kills it with SIGKILL."""
        self.process.kill()
        self.process.communicate()


def main() -> None:
    """The process of ``Pricing``."""
    folder, ledger, hold, *identities = sys.argv[1:]
    kit.BUYER_IDENTITY, kit.ORACLE_IDENTITY = identities  # new ones in each process
    market = Market(Path(folder), ledger=ledger)
    begin = market.journal.offers.begin_attempt
    left = int(hold)

    def begin_and_tell(offer: Offer) -> int | None:
        nonlocal left
        attempt = begin(offer)
        if attempt is not None:
            sys.stdout.write(offer.offer_id.hex() + "\n")
            sys.stdout.flush()
            left -= 1
            if left == -1 and int(hold) >= 0:
                sys.stdin.readline()
        return attempt

    def renew() -> None:
        while True:
            time.sleep(RENEWAL_SECONDS)
            market.journal.renew()

    threading.Thread(target=renew, daemon=True).start()
    market.journal.offers.begin_attempt = begin_and_tell  # type: ignore[method-assign]
    while True:
        if not market.oracle.evaluation.price_next():
            time.sleep(0.05)


if __name__ == "__main__":
    main()
