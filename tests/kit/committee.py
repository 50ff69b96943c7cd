"""Three markets as the members of a committee: one chain, and a ledger, a store and a key for each."""

import copy
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount

from assay.chain.values import SafeOwners
from assay.oracle.api import OracleClient
from assay.oracle.committee import THREAD, Committee
from assay.sale.buyer import Buyer
from assay.sale.offers import OfferStore
from assay.sale.seller import Seller
from tests.kit.actors import BUYER_IDENTITY, buyer_account, seller_account
from tests.kit.data import LineAppraisal, LinePrices
from tests.kit.market import BUDGET, InProcess, Market

SAFE = "0x" + 39 * "0" + "5"
MEMBERS: tuple[LocalAccount, ...] = tuple(Account.from_key(bytes([number]) * 32) for number in (11, 12, 13))


@dataclass
class OtherPrices(LinePrices):
    """A member's prices that are not those of the others."""

    times: int = 3

    def appraise(self, *arguments: Any, **options: Any) -> LineAppraisal:
        found = super().appraise(*arguments, **options)
        found.price *= self.times
        return found


@dataclass
class ForgetfulPrices(LinePrices):
    """The prices of a member that takes each offer for the first one."""

    def appraise(self, records: Any, **options: Any) -> LineAppraisal:
        return super().appraise(records)


class Silent(httpx.BaseTransport):
    """A member that takes requests and answers none before ``end`` is set."""

    def __init__(self) -> None:
        self.end = threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.end.wait()
        raise httpx.ReadTimeout("no answer", request=request)


class CommitteeMarket:
    """A model whose oracle is a Safe of three, two of whom sign. ``members`` are their markets, by name a, b and c."""

    def __init__(self, folder: Path, threshold: int = 2) -> None:
        first = Market(folder)
        first.journal.close()
        self.folder = folder
        self.chain = first.chain
        self.contract = first.contract
        self.contract.safes[SAFE] = SafeOwners(tuple(account.address for account in MEMBERS), threshold)
        terms = first.terms.model_copy(update={"salt": b"\x01" * 32})
        owner = first.chain.seen_by(terms.owner)
        owner.register_model(terms, SAFE)
        owner.fund(terms, BUDGET)
        self.model_id = first.chain.model_id(terms)
        self.first = first
        self.said: list[str] = []
        self.members = [self._member(name, account) for name, account in zip("abc", MEMBERS, strict=True)]
        self.transports: list[httpx.BaseTransport] = [member.transport for member in self.members]

    def _member(self, name: str, account: LocalAccount) -> Market:
        member = copy.copy(self.first)
        member.home = self.folder / name
        member.folder = member.home / "oracle"
        member.ledger = f"sqlite:///{member.folder / 'journal.sqlite'}"
        member.accounts = (account,)
        member.model_id = self.model_id
        member.function = LinePrices()
        member.settings = self.first.settings.model_copy(update={"committee": SAFE, "urls": (self.url(name),)})
        member.transport = InProcess(member)
        member._open()
        member.transport.make()
        return member

    @staticmethod
    def url(name: str) -> str:
        return f"https://{name}.example"

    def close(self) -> None:
        for transport in self.transports:
            if isinstance(transport, Silent):
                transport.end.set()
        for thread in threading.enumerate():
            if thread.name == THREAD:
                thread.join()
        for member in self.members:
            member.journal.close()

    # --- what members do ---

    def lie(self, member: int, times: int = 3) -> None:
        """This member has other prices from now on."""
        self.change(member, OtherPrices(times=times))

    def change(self, member: int, prices: LinePrices) -> None:
        """This member has these prices from now on."""
        self.members[member].function = prices
        self.members[member].open_oracle()
        self.members[member].transport.make()

    def give_key(self, member: int, account: LocalAccount) -> None:
        """This member holds a second key from now on."""
        market = self.members[member]
        market.accounts = (*market.accounts, account)
        market.restart()
        market.transport.make()

    def silence(self, member: int) -> None:
        self.transports[member] = Silent()

    def kill(self, member: int) -> None:
        self.members[member].transport.down = True

    def pass_time(self, seconds: int) -> None:
        self.first.node.pass_time(seconds)
        for member in (self.first, *self.members):
            member.time += seconds

    # --- who asks them ---

    def committee(self, *which: int) -> Committee:
        chosen = which or range(len(self.members))
        return Committee(
            [OracleClient(self.url("abc"[i]), transport=self.transports[i], attempts=1, timeout=3600) for i in chosen]
        )

    def seller(self, *which: int, account: LocalAccount = seller_account, **options: Any) -> Seller:
        chain, store = self.chain.seen_by(account.address), OfferStore(self.folder / account.address)
        settings = {"poll": 0.001, "report": self.said.append} | options
        return Seller(chain, self.committee(*which), store, account, **settings)

    def buyer(self, *which: int) -> Buyer:
        chain, folder = self.chain.seen_by(buyer_account.address), self.folder / "purchases"
        return Buyer(chain, self.committee(*which), buyer_account, BUYER_IDENTITY, folder, report=self.said.append)

    def file(self, content: bytes) -> Path:
        path = self.folder / "data.lines"
        path.write_bytes(content)
        return path
