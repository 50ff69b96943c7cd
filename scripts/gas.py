"""Gas of every operation beside its floor, and beside what published systems need for a sale.

    python scripts/gas.py            measures on Anvil, prints the table, writes out/gas.json
    python scripts/gas.py --update   also replaces contracts/gas-snapshot.json
    python scripts/gas.py --check    fails where an operation needs 1 % more than the snapshot says

A floor is what the fee schedule (Shanghai) asks of any contract of this design: 21,000 for the transaction, calldata,
the storage slots, signature recoveries, value transfers and logs that the operation cannot do without. It leaves out
everything that the contract's own code costs.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import ape  # noqa: E402
from tests.contracts.world import HOUR, PRICE, World, bytes32  # noqa: E402

SNAPSHOT = ROOT / "contracts" / "gas-snapshot.json"
OUTPUT = ROOT / "out" / "gas.json"
TOLERANCE = 1.01

TRANSACTION = 21_000
NEW_SLOT = 22_100
CHANGED_SLOT = 5_000
READ_SLOT = 2_100
RECOVERY = 3_000
COLD_ACCOUNT = 2_600
VALUE_CALL = 9_000 - 2_300
NEW_ACCOUNT = 25_000
TOKEN_CODE = COLD_ACCOUNT

PEERS = {
    "FDE (BN254), optimistic sale": 264_626,
    "SmartJudge, optimistic sale": 291_342,
    "FairSwap (reusable), optimistic sale": 438_164,
    "OptiSwap, optimistic sale": 672_494,
    "FairSwap (original), optimistic sale": 1_004_503,
}
"""Their published code, run on Anvil; lock, reveal and finalise with what must be deployed per sale."""


def calldata_gas(data: bytes) -> int:
    """16 a byte, 4 a zero byte."""
    zeros = data.count(0)
    return 4 * zeros + 16 * (len(data) - zeros)


def log_gas(logs: list[dict[str, Any]]) -> int:
    """375 a log, 375 a topic, 8 a byte."""
    return sum(375 + 375 * len(log["topics"]) + 8 * len(bytes(log["data"])) for log in logs)


@dataclass(frozen=True)
class Needs:
    """What an operation cannot do without, besides calldata and the settlement contract's own logs."""

    new: int = 0
    changed: int = 0
    read: int = 0
    recoveries: int = 0
    other: int = 0

    def gas(self) -> int:
        slots = NEW_SLOT * self.new + CHANGED_SLOT * self.changed + READ_SLOT * self.read
        return slots + RECOVERY * self.recoveries + self.other


class Report:
    """Collects one row per operation."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, float]] = {}

    def add(self, name: str, receipt: Any, needs: Needs) -> int:
        gas = int(receipt.gas_used)
        logs = [dict(log) for log in receipt.logs]
        floor = TRANSACTION + calldata_gas(bytes(receipt.data)) + log_gas(logs) + needs.gas()
        self.rows[name] = {"gas": gas, "floor": floor, "ratio": round(gas / floor, 3)}
        return gas


def token_terms(world: World, token: Any) -> dict[str, Any]:
    return {} if token is None else {"token": token.address}


@contextmanager
def fresh(chain: Any) -> Iterator[None]:
    """Each measurement begins with the same chain."""
    snapshot = chain.snapshot()
    yield
    chain.restore(snapshot)


class Bench:
    """The scenarios."""

    def __init__(self, world: World, report: Report, token: Any, strangers: Any) -> None:
        self.world, self.report, self.token = world, report, token
        self.strangers = strangers

    def sales(self) -> dict[str, int]:
        """A first and a repeat sale, step by step; returns the totals of the repeat sale."""
        world, report = self.world, self.report
        coin = "eth" if self.token is None else "erc20"
        terms = world.terms(**token_terms(world, self.token))
        register = world.settlement.registerModel(terms.abi_values(), world.oracle.address, sender=world.buyer)
        report.add(f"register_{coin}", register, Needs(new=1))
        totals = {}
        for turn in ("first", "repeat"):
            value = 0 if self.token else 10 * PRICE
            fund = world.settlement.fund(terms.abi_values(), 10 * PRICE, sender=world.buyer, value=value)
            # Balance of the contract, balance and allowance of the buyer; the token's code.
            pull = (
                Needs()
                if self.token is None
                else (
                    Needs(new=1, changed=2, other=TOKEN_CODE) if turn == "first" else Needs(changed=3, other=TOKEN_CODE)
                )
            )
            report.add(f"fund_{coin}_{turn}", fund, Needs(pull.new, pull.changed + 1, 0, 0, pull.other))
            sale = world.agree(terms, content_id=bytes32(turn))
            post = report.add(f"post_{coin}_{turn}", world.post(sale), Needs(new=1, changed=1, recoveries=2))
            reveal = report.add(f"reveal_key_{coin}_{turn}", world.reveal(sale), Needs(changed=1))
            world.at(world.deadline(sale) + 1)
            finalize = report.add(f"finalize_{coin}_{turn}", world.finalize(sale), self.payment(turn, 1))
            totals[turn] = post + reveal + finalize
        return totals

    def payment(self, turn: str, changed: int) -> Needs:
        """The order's slot and a push to a seller who has been paid before, or not."""
        if self.token is None:
            return Needs(changed=changed, other=COLD_ACCOUNT + VALUE_CALL)
        received = Needs(new=1, changed=1) if turn == "first" else Needs(changed=2)
        return Needs(new=received.new, changed=received.changed + changed, other=TOKEN_CODE)

    def cooperative(self) -> int:
        """Lock and consent: the key stays off chain."""
        coin = "eth" if self.token is None else "erc20"
        sale = self.world.locked(**token_terms(self.world, self.token))
        settle = self.report.add(
            f"settle_{coin}",
            self.world.settle(sale),
            self.add(self.payment("first", 1), Needs(recoveries=1)),
        )
        return settle + int(self.report.rows[f"post_{coin}_first"]["gas"])

    @staticmethod
    def add(one: Needs, other: Needs) -> Needs:
        return Needs(
            one.new + other.new,
            one.changed + other.changed,
            one.read + other.read,
            one.recoveries + other.recoveries,
            one.other + other.other,
        )

    def refund(self) -> None:
        coin = "eth" if self.token is None else "erc20"
        sale = self.world.locked(**token_terms(self.world, self.token))
        self.world.at(self.world.deadline(sale) + 1)
        self.report.add(f"refund_{coin}", self.world.refund(sale), Needs(changed=2))

    def dispute(self, chunk_size: int, depth: int) -> int:
        """A dispute of one chunk in a file of ``2 ** depth`` chunks; the floor leaves the decryption out."""
        sealed = deep_chunk(chunk_size, depth)
        world = self.world
        sale = world.agree(world.open(), data_root=sealed.root, key=bytes32("wrong key"))
        world.post(sale)
        world.reveal(sale)
        receipt = world.settlement.dispute(
            sale.order.abi_values(), sale.key, sealed.proof.abi_values(), sender=world.relayer
        )
        hashing = sum(60 + 12 * (size // 32) for size in [96] * depth + [160, 128, chunk_size, chunk_size])
        return self.report.add(f"dispute_{chunk_size // 1024}k", receipt, Needs(changed=2, other=hashing))

    def batches(self, count: int) -> None:
        """Reveal and finalisation of ``count`` orders in one transaction, per order."""
        world = self.world
        terms = world.open(budget=count * PRICE)
        sales = [world.agree(terms, content_id=bytes32(f"records {i}")) for i in range(count)]
        for sale in sales:
            world.post(sale)
        orders = [sale.order.abi_values() for sale in sales]
        reveal = world.settlement.revealKeys(orders, [s.key for s in sales], [b""] * count, sender=world.relayer)
        self.report.add(f"reveal_keys_{count}", reveal, Needs(changed=count))
        world.at(world.deadline(sales[-1]) + HOUR)
        done = world.settlement.finalizeBatch(orders, sender=world.relayer)
        self.report.add(f"finalize_batch_{count}", done, Needs(changed=count, other=COLD_ACCOUNT + count * VALUE_CALL))


@dataclass(frozen=True)
class DeepChunk:
    """One real chunk at the far end of a tree whose other branches are arbitrary digests."""

    root: bytes
    proof: Any


def deep_chunk(chunk_size: int, depth: int) -> DeepChunk:
    """A chunk of a file of ``2 ** depth`` chunks."""
    import hashlib

    from assay.protocol.seal import ChunkProof

    def tagged(tag: bytes, *words: bytes) -> bytes:
        return hashlib.sha256(tag.ljust(32, b"\0") + b"".join(words)).digest()

    index, total = 2**depth - 1, chunk_size * 2**depth
    chunk = bytes32("chunk") * (chunk_size // 32)
    plain = bytes32("plaintext")
    path = [bytes32(f"sibling {level}") for level in range(depth)]
    top = tagged(
        b"assay/leaf/v1",
        index.to_bytes(32, "big"),
        chunk_size.to_bytes(32, "big"),
        plain,
        hashlib.sha256(chunk).digest(),
    )
    for sibling in path:
        top = tagged(b"assay/node/v1", sibling, top)
    root = tagged(b"assay/root/v1", total.to_bytes(32, "big"), chunk_size.to_bytes(32, "big"), top)
    proof = ChunkProof(
        total_bytes=total, chunk_size=chunk_size, index=index, plain_digest=plain, sealed_chunk=chunk, path=path
    )
    return DeepChunk(root, proof)


def measure() -> dict[str, Any]:
    """All operations on a fresh chain."""
    with ape.networks.parse_network_choice("ethereum:local:foundry"):
        accounts, chain, project = ape.accounts.test_accounts, ape.chain, ape.Project(ROOT)
        report = Report()
        contract = accounts[3].deploy(project.Settlement)
        world = World(contract, chain, *[accounts[i] for i in range(4)])
        result: dict[str, Any] = {"deploy": int(contract.creation_metadata.receipt.gas_used)}

        token = accounts[3].deploy(project.Token)
        token.mint(world.buyer, 100 * 10**18, sender=world.buyer)
        token.approve(contract, 2**255, sender=world.buyer)
        for name, currency in (("sale_eth", None), ("sale_erc20", token)):
            bench = Bench(world, report, currency, accounts[9])
            with fresh(chain):
                totals = bench.sales()
            result[name], result[f"{name}_first"] = totals["repeat"], totals["first"]
            with fresh(chain):
                cooperative = bench.cooperative()
            result["sale_cooperative" if currency is None else "sale_cooperative_erc20"] = cooperative
            with fresh(chain):
                bench.refund()
        for chunk_size, depth in ((1024, 20), (4096, 18)):
            with fresh(chain):
                result[f"dispute_{chunk_size // 1024}k"] = bench.dispute(chunk_size, depth)
        with fresh(chain):
            bench.batches(10)
    return report.rows | result


def show(result: dict[str, Any]) -> None:
    """The table."""
    print(f"{'operation':28}{'gas':>12}{'floor':>12}{'ratio':>8}")
    for name, row in result.items():
        if isinstance(row, dict):
            print(f"{name:28}{row['gas']:>12,}{row['floor']:>12,}{row['ratio']:>8.3f}")
    print()
    for name, value in result.items():
        if not isinstance(value, dict):
            print(f"{name:40}{value:>12,}")
    for name, gas in PEERS.items():
        print(f"{name:40}{gas:>12,}")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the snapshot")
    parser.add_argument("--update", action="store_true", help="replace the snapshot")
    arguments = parser.parse_args()

    result = measure()
    show(result)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
