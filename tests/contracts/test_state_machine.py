"""Everything that anyone may do with a model, in any order, against a ledger of the test's own.

Two of three sellers lie: they spoil a chunk, or lock a key that opens nothing. The buyer is honest and watches: what a
revealed key does not open, it disputes before the window closes. `--state-machine-examples` plays more games than the
few of the default suite.
"""

from dataclasses import dataclass
from typing import Any

import ape
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from assay.protocol.structs import ModelTerms, Status
from tests.contracts.sale import Sale
from tests.contracts.world import ETHER, HOUR, PRICE, Currency, World, bytes32

pytestmark = pytest.mark.integration

BOND = PRICE // 4
LIES = (None, "chunk", "key")
FINAL = (Status.PAID, Status.DISPUTED, Status.REFUNDED)


@dataclass
class Entry:
    """What the ledger knows of one sale."""

    sale: Sale
    honest: bool
    status: Status = Status.LOCKED
    deadline: int = 0


def machine(world: World, currency: Currency, stranger: Any) -> type[RuleBasedStateMachine]:
    """The game, for one world and one currency."""

    class Game(RuleBasedStateMachine):
        sales = Bundle("sales")

        def __init__(self) -> None:
            super().__init__()
            self.before = world.chain.snapshot()
            self.entries: list[Entry] = []
            self.terms: ModelTerms = world.open(token=currency.address, budget=4 * ETHER, seller_bond=BOND)
            world.deposit_bond(12 * BOND, currency.address)
            self.budget, self.credit, self.paid = 4 * ETHER, 12 * BOND, 0
            self.wallet = currency.balance(world.seller)
            self.strangers = currency.balance(stranger)
            self.clock = world.now

        def teardown(self) -> None:
            try:
                self.close_everything()
            finally:
                world.chain.restore(self.before)

        # --- moves ---

        @initialize(target=sales)
        def begin(self) -> Any:
            """One seller of each kind is there from the start, and one of each who has revealed."""
            locked, revealed = ([self.sell(lie, PRICE) for lie in LIES] for _ in range(2))
            for entry in revealed:
                self.reveal(entry)
            return multiple(*locked, *revealed)

        @rule(target=sales, lie=st.sampled_from(LIES), price=st.integers(1, ETHER))
        def post(self, lie: str | None, price: int) -> Any:
            return self.sell(lie, price) if price <= self.budget and self.credit >= BOND else multiple()

        def sell(self, lie: str | None, price: int) -> Entry:
            sealed = world.sealed.with_bad_chunk(len(self.entries) % 4) if lie == "chunk" else world.sealed
            key = bytes32("another key") if lie == "key" else None
            content = bytes32(f"records {len(self.entries)}")
            sale = world.agree(self.terms, sealed=sealed, key=key, content_id=content, price=price)
            self.tick()
            world.post(sale, sender=stranger)
            entry = Entry(sale, honest=lie is None, deadline=world.deadline(sale))
            self.entries.append(entry)
            self.budget -= price
            self.credit -= BOND
            return entry

        @rule(entry=sales, price=st.integers(1, ETHER))
        def post_again(self, entry: Entry, price: int) -> None:
            again = world.agree(self.terms, content_id=entry.sale.order.content_id, price=price)
            self.tick()
            with world.refuses("PairUsed", orderId=entry.sale.order_id, status=entry.status):
                world.post(again)

        @rule(entry=sales)
        def reveal(self, entry: Entry) -> None:
            self.tick()
            if self.allowed(entry, Status.LOCKED, in_time=True):
                world.reveal(entry.sale, sender=stranger)
                entry.status, entry.deadline = Status.REVEALED, world.deadline(entry.sale)
                assert entry.deadline == self.clock + 2 * HOUR
            else:
                self.refused(lambda: world.reveal(entry.sale))

        @rule(entry=sales)
        def refund(self, entry: Entry) -> None:
            self.tick()
            if self.allowed(entry, Status.LOCKED, in_time=False):
                world.refund(entry.sale, sender=stranger)
                self.give_back(entry, Status.REFUNDED)
            else:
                self.refused(lambda: world.refund(entry.sale))

        @rule(entry=sales, index=st.integers(0, 3))
        def dispute(self, entry: Entry, index: int) -> None:
            self.tick()
            lies = entry.sale.key != entry.sale.sealed.key
            spoilt = entry.sale.sealed is not world.sealed and self.entries.index(entry) % 4 == index
            if self.allowed(entry, Status.REVEALED, in_time=True) and (lies or spoilt):
                world.dispute(entry.sale, entry.sale.sealed.proof(index), sender=stranger)
                self.give_back(entry, Status.DISPUTED)
            else:
                self.refused(lambda: world.dispute(entry.sale, entry.sale.sealed.proof(index)))

        @rule(entry=sales)
        def finalize(self, entry: Entry) -> None:
            self.tick()
            if self.allowed(entry, Status.REVEALED, in_time=False):
                world.finalize(entry.sale, sender=stranger)
                self.pay(entry)
            else:
                self.refused(lambda: world.finalize(entry.sale))

        @rule(entry=sales)
        def settle(self, entry: Entry) -> None:
            self.tick()
            if entry.honest and entry.status in (Status.LOCKED, Status.REVEALED):
                world.settle(entry.sale, sender=stranger)
                self.pay(entry)
            elif entry.status in FINAL:
                self.refused(lambda: world.settle(entry.sale))

        @rule(entry=sales)
        def reveal_data(self, entry: Entry) -> None:
            self.tick()
            if self.allowed(entry, Status.LOCKED, in_time=True) and entry.sale.sealed is world.sealed:
                world.reveal_data(entry.sale, sender=stranger)
                entry.honest = True
                self.pay(entry)
            elif entry.status is not Status.LOCKED:
                self.refused(lambda: world.reveal_data(entry.sale))

        @rule(entry=sales, pick=st.integers(0, 3))
        def go_on(self, entry: Entry, pick: int) -> None:
            """The next call of the sale, so that games reach late states."""
            if entry.status is Status.LOCKED:
                (self.reveal, self.settle, self.reveal_data, self.refund)[pick](entry)
            elif entry.status is Status.REVEALED:
                if entry.honest:
                    self.wait_for_a_deadline(entry, 1)
                    self.finalize(entry)
                else:
                    self.watch(entry.deadline)

        @rule(amount=st.integers(1, ETHER))
        def fund(self, amount: int) -> None:
            self.tick()
            world.fund(self.terms, amount)
            self.budget += amount

        @rule(amount=st.integers(1, 5 * ETHER))
        def withdraw(self, amount: int) -> None:
            self.tick()
            arguments = self.terms.abi_values(), amount, world.buyer.address
            if amount <= self.budget:
                world.settlement.withdraw(*arguments, sender=world.buyer)
                self.budget -= amount
            else:
                self.refused(lambda: world.settlement.withdraw(*arguments, sender=world.buyer))

        @rule(entry=sales, offset=st.integers(-1, 1))
        def wait_for_a_deadline(self, entry: Entry, offset: int) -> None:
            """The next move is made just before, at, or just after the deadline; liars were caught by then."""
            if entry.status not in FINAL and entry.deadline + offset > self.clock + len(self.entries):
                self.watch(entry.deadline + offset)
                self.clock = entry.deadline + offset - 1

        # --- time and the ledger ---

        def tick(self) -> None:
            """The next transaction is a second after the one before."""
            self.watch(self.clock + 1)
            self.next_second()

        def next_second(self) -> None:
            self.clock += 1
            world.at(self.clock)

        def watch(self, until: int) -> None:
            """The buyer disputes what it would be too late for at ``until``, with a second in hand for each sale."""
            for index, entry in enumerate(self.entries):
                if entry.status is Status.REVEALED and not entry.honest and entry.deadline < until + len(self.entries):
                    bad = 0 if entry.sale.key != entry.sale.sealed.key else index % 4
                    self.next_second()
                    world.dispute(entry.sale, entry.sale.sealed.proof(bad))
                    self.give_back(entry, Status.DISPUTED)

        def allowed(self, entry: Entry, status: Status, *, in_time: bool) -> bool:
            return entry.status is status and (self.clock <= entry.deadline) == in_time

        def refused(self, move: Any) -> None:
            with ape.reverts():
                move()

        def pay(self, entry: Entry) -> None:
            entry.status = Status.PAID
            self.paid += entry.sale.order.price + BOND

        def give_back(self, entry: Entry, status: Status) -> None:
            entry.status = status
            self.budget += entry.sale.order.price + BOND

        def close_everything(self) -> None:
            """Every order ends: once all windows have passed, anyone can close what is open."""
            self.watch(self.clock + 100 * HOUR)
            self.clock += 100 * HOUR
            for entry in self.entries:
                if entry.status is Status.LOCKED:
                    self.refund(entry)
                elif entry.status is Status.REVEALED:
                    self.finalize(entry)
                assert entry.status in FINAL
                assert world.status(entry.sale) is entry.status
                assert not (entry.honest and entry.status is Status.DISPUTED)
                assert entry.honest or entry.status is not Status.PAID
            self.money_is_conserved()
            self.nobody_but_the_payee_gains()

        # --- what always holds ---

        @invariant()
        def money_is_conserved(self) -> None:
            locked = sum(entry.sale.order.price + BOND for entry in self.entries if entry.status not in FINAL)
            assert world.budget(self.terms) == self.budget
            assert world.credit(world.seller, currency.address) == self.credit
            assert currency.balance(world.settlement) == self.budget + self.credit + locked

        @invariant()
        def nobody_but_the_payee_gains(self) -> None:
            assert currency.balance(world.seller) == self.wallet + self.paid
            assert currency.balance(stranger) <= self.strangers
            assert world.credit(stranger, currency.address) == 0

    return Game


@pytest.mark.timeout(0)
def test_no_order_of_moves_breaks_the_rules(
    world: World, currency: Currency, mallory: Any, request: pytest.FixtureRequest
) -> None:
    run_state_machine_as_test(
        machine(world, currency, mallory),
        settings=settings(
            max_examples=request.config.getoption("--state-machine-examples"),
            stateful_step_count=15,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
