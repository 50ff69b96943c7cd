"""Gas of every operation, compared with its floor and with the sales of published systems.

    python -m gas            measures on Anvil, prints the table, writes out/gas.json
    python -m gas --update   also replaces contracts/gas-snapshot.json
    python -m gas --check    fails where anything needs 1 % more gas than the snapshot says

A floor is the least gas of any contract of this design: the transaction, its calldata, and the storage slots, signature
recoveries, hashes, value transfers and logs that the operation requires. Execution of the contract's own code is left
out. Schedule: Prague's (EIP-2929, EIP-3529, and EIP-7623's price of calldata), at which
Anvil is pinned in `ape-config.yaml`.

Each party sends its own transactions: the seller posts, reveals and finalizes, the buyer settles. Rows with `relayed`
are sent by others: one more signature to check, and a cold account to pay. `sale_oracle_posts` is what the daemon and
the client do by default: the oracle posts with both signatures, the seller reveals and finalizes.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ape
from safe import deploy_safe

from assay.protocol.types import NATIVE_TOKEN
from gas.floor import Needs, deep_chunk, floor_of
from gas.proven import post_proven
from gas.sale import ETHER, PRICE, Market

ROOT = Path(__file__).resolve().parent.parent.parent
SNAPSHOT = ROOT / "contracts" / "gas-snapshot.json"
OUTPUT = ROOT / "out" / "gas.json"
TOLERANCE = 1.01

PEERS = {
    "FDE (BN254)": 264_626,
    "SmartJudge": 291_342,
    "FairSwap (reusable)": 438_164,
    "OptiSwap": 672_494,
    "FairSwap (original)": 1_004_503,
}
"""Gas of an optimistic sale in ETH: lock, reveal and finalise with what must be deployed per sale; their published
code, run on Anvil."""


class Bench:
    """The scenarios in one currency; collects one row per operation."""

    def __init__(self, market: Market, token: Any, rows: dict[str, dict[str, float]]) -> None:
        self.market, self.token, self.rows = market, token, rows
        self.coin = "eth" if token is None else "erc20"
        self.currency = NATIVE_TOKEN if token is None else token.address

    def add(self, name: str, receipt: Any, needs: Needs) -> int:
        """One row; returns the gas used."""
        gas, floor = int(receipt.gas_used), floor_of(receipt, needs)
        self.rows[name] = {"gas": gas, "floor": floor, "ratio": round(gas / floor, 3)}
        return gas

    def holds(self, account: Any) -> bool:
        """Whether ``account`` has some of the token: one slot less to create."""
        return self.token is not None and self.token.balanceOf(account) > 0

    def pulled(self) -> Needs:
        """A payment into the contract. ERC-20: its code, the payer's balance and allowance, the contract's balance."""
        if self.token is None:
            return Needs()
        return Needs(accounts=1, changed=2) + self.received(self.market.settlement)

    def received(self, account: Any) -> Needs:
        """The slot of a token balance that grows."""
        return Needs(changed=1) if self.holds(account) else Needs(new=1)

    def paid(self, account: Any, *, cold: bool = False) -> Needs:
        """A payment out of it. ETH: one call with value, of an account that sends the transaction or is cold."""
        if self.token is None:
            return Needs(calls=1, accounts=int(cold))
        return Needs(accounts=1, changed=1) + self.received(account)

    def run(self) -> dict[str, dict[str, int]]:
        """Every operation for the first and a later time; returns the sales' totals by name and turn."""
        terms = self.market.terms(self.currency)
        register = self.market.settlement.registerModel(
            terms.abi_values(), self.market.oracle.address, sender=self.market.buyer
        )
        self.add(f"register_{self.coin}", register, Needs(new=1))
        return {turn: self.turn(terms, turn) for turn in ("first", "repeat")}

    def turn(self, terms: Any, turn: str) -> dict[str, int]:
        """Every operation once; returns the totals of the sales."""
        market, contract, tail = self.market, self.market.settlement, f"{self.coin}_{turn}"
        buyer, seller = market.buyer, market.seller
        value = ETHER if self.token is None else 0
        token = terms.token

        needs = self.pulled() + Needs(changed=1)
        self.add(f"fund_{tail}", contract.fund(terms.abi_values(), ETHER, sender=buyer, value=value), needs)
        needs = self.pulled() + (Needs(changed=1) if contract.creditOf(token, buyer) else Needs(new=1))
        self.add(f"deposit_{tail}", contract.deposit(token, ETHER, sender=buyer, value=value), needs)
        needs = self.paid(buyer) + Needs(changed=1)
        self.add(f"withdraw_{tail}", contract.withdraw(terms.abi_values(), PRICE, buyer, sender=buyer), needs)
        needs = self.paid(buyer) + Needs(changed=1)
        self.add(f"withdraw_credit_{tail}", contract.withdrawCredit(token, PRICE, buyer, sender=buyer), needs)

        posting = Needs(new=1, changed=1, recoveries=1)
        sale = market.agree(terms, f"{turn} sale")
        post = self.add(f"post_{tail}", market.post(sale, sender=seller), posting)
        reveal = self.add(f"reveal_key_{tail}", market.reveal(sale, sender=seller), Needs(changed=1))
        needs = self.paid(seller) + Needs(changed=1)
        finalize = self.add(f"finalize_{tail}", market.finalize(sale, sender=seller), needs)

        relayed = market.agree(terms, f"{turn} relayed")
        relayed_post = self.add(f"post_relayed_{tail}", market.post(relayed), posting + Needs(recoveries=1))
        relayed_reveal = self.add(f"reveal_key_relayed_{tail}", market.reveal(relayed), Needs(changed=1))
        needs = self.paid(seller, cold=True) + Needs(changed=1)
        relayed_finalize = self.add(f"finalize_relayed_{tail}", market.finalize(relayed), needs)

        agreed = market.agree(terms, f"{turn} cooperative")
        market.post(agreed, sender=seller)
        needs = self.paid(seller, cold=True) + Needs(changed=1)
        settle = self.add(f"settle_{tail}", market.settle(agreed), needs)
        agreed = market.agree(terms, f"{turn} cooperative relayed")
        market.post(agreed)
        needs = self.paid(seller, cold=True) + Needs(changed=1, recoveries=1)
        self.add(f"settle_relayed_{tail}", market.settle_relayed(agreed), needs)

        silent = market.agree(terms, f"{turn} silent")
        market.post(silent)
        self.add(f"refund_{tail}", market.refund(silent), Needs(changed=2))
        return {
            "sale": post + reveal + finalize,
            "sale_oracle_posts": relayed_post + reveal + finalize,
            "sale_relayed": relayed_post + relayed_reveal + relayed_finalize,
            "sale_cooperative": post + settle,
            "sale_cooperative_oracle_posts": relayed_post + settle,
        }

    def dispute(self, chunk_size: int, depth: int) -> int:
        """A dispute of one chunk in a file of ``2 ** depth`` chunks; the floor leaves the decryption out."""
        sealed = deep_chunk(chunk_size, depth)
        market = self.market
        sale = market.agree(market.open(), "records", sealed.root)
        market.post(sale)
        market.reveal(sale)
        proof = sealed.proof.abi_values()
        receipt = market.settlement.dispute(sale.order.abi_values(), sale.key, proof, sender=market.buyer)
        hashed = (*[96] * depth, 160, 128, chunk_size, chunk_size)
        return self.add(f"dispute_{chunk_size // 1024}k_chunk", receipt, Needs(changed=2, hashed=hashed))

    def batches(self, count: int) -> None:
        """Reveal and finalisation of ``count`` orders in one transaction."""
        market = self.market
        terms = market.open()
        sales = [market.agree(terms, f"records {i}") for i in range(count)]
        for sale in sales:
            market.post(sale)
        self.add(f"reveal_keys_{count}", market.reveal_all(sales), Needs(changed=count))
        self.add(f"finalize_batch_{count}", market.finalize_all(sales), Needs(changed=count, calls=count))


@contextmanager
def fresh(chain: Any) -> Iterator[None]:
    """Each scenario begins with the same chain."""
    snapshot = chain.snapshot()
    yield
    chain.restore(snapshot)


def measure() -> dict[str, Any]:
    """All operations on a chain of its own: rows by name, then totals."""
    rows: dict[str, dict[str, float]] = {}
    totals: dict[str, int] = {}
    with ape.networks.parse_network_choice("ethereum:local:foundry"):
        accounts, chain, project = ape.accounts.test_accounts, ape.chain, ape.Project(ROOT)
        contract = accounts[3].deploy(project.Settlement)
        market = Market(contract, chain, *[accounts[i] for i in range(4)])
        token = accounts[3].deploy(project.Token)
        token.mint(market.buyer, 100 * ETHER, sender=market.buyer)
        token.approve(contract, 100 * ETHER, sender=market.buyer)
        for tail, bench in (("eth", Bench(market, None, rows)), ("erc20", Bench(market, token, rows))):
            with fresh(chain):
                turns = bench.run()
            totals |= {f"{name}_{tail}_first": gas for name, gas in turns["first"].items()}
            totals |= {f"{name}_{tail}": gas for name, gas in turns["repeat"].items()}
        bench = Bench(market, None, rows)
        for chunk_size, depth in ((1024, 20), (4096, 18)):
            with fresh(chain):
                totals[f"dispute_{chunk_size // 1024}k"] = bench.dispute(chunk_size, depth)
        with fresh(chain):
            bench.batches(10)
        for threshold, count in ((2, 3), (3, 5)):
            with fresh(chain):
                owners = [accounts[4 + number] for number in range(count)]
                totals[f"post_committee_{threshold}_of_{count}"] = post_by_committee(market, owners, threshold)
        with fresh(chain):
            totals["post_proven"] = post_proven(market, project)
        totals["deploy"] = int(contract.creation_metadata.receipt.gas_used)
    totals["sale_cooperative"] = totals["sale_cooperative_eth"]
    return rows | totals


def post_by_committee(market: Market, owners: list[Any], threshold: int) -> int:
    """Gas of posting an order whose quote ``threshold`` of ``owners`` of a Safe signed; the seller posts."""
    provider = ape.networks.active_provider
    safe = deploy_safe(
        lambda method, *params: provider.make_request(method, list(params)), [one.address for one in owners], threshold
    )
    sale = market.agree_by(safe, owners[:threshold], market.open(safe), "records")
    return int(market.post(sale, sender=market.seller).gas_used)


def show(result: dict[str, Any]) -> None:
    """The table."""
    print(f"{'operation':34}{'gas':>12}{'floor':>12}{'ratio':>8}")
    for name, row in result.items():
        if isinstance(row, dict):
            print(f"{name:34}{row['gas']:>12,}{row['floor']:>12,}{row['ratio']:>8.3f}")
    print()
    for name, value in result.items():
        if isinstance(value, int):
            print(f"{name:34}{value:>12,}")
    for name, gas in PEERS.items():
        print(f"{'sale of ' + name:34}{gas:>12,}")


def gas_by_name(result: dict[str, Any]) -> dict[str, int]:
    """What the snapshot keeps."""
    return {name: row["gas"] if isinstance(row, dict) else row for name, row in result.items()}


def excesses(found: dict[str, int], expected: dict[str, int]) -> list[str]:
    """Operations that need over 1 % more gas than ``expected``, or are in one of the two only."""
    unmatched = [f"{name}: in the snapshot or in the measurement only" for name in found.keys() ^ expected.keys()]
    return unmatched + [
        f"{name}: expected at most {expected[name] * TOLERANCE:,.0f} gas, got {found[name]:,}"
        for name in found.keys() & expected.keys()
        if found[name] > expected[name] * TOLERANCE
    ]


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the snapshot")
    parser.add_argument("--update", action="store_true", help="replace the snapshot")
    arguments = parser.parse_args()

    result = measure()
    gas = gas_by_name(result)
    if arguments.check:
        wrong = excesses(gas, json.loads(SNAPSHOT.read_text()))
        print("\n".join(wrong) or f"{len(gas)} gas figures within 1 % of the snapshot", file=sys.stderr)
        if wrong:
            print("hint: find the cause, or keep it: python -m scripts.gas --update", file=sys.stderr)
        return 1 if wrong else 0
    show(result)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(result, indent=2) + "\n")
    if arguments.update:
        SNAPSHOT.write_text(json.dumps(gas, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
