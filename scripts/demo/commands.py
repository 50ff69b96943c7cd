"""What the demonstration does by command: fit the price function, make the oracle's keys."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from eth_account.signers.local import LocalAccount
from eth_utils.abi import function_abi_to_4byte_selector
from localnet import BIN, ROOT, Daemon, Node, run

from assay.chain.interface import contract_interface
from assay.protocol.types import ModelId

PASSWORD = "demonstration"  # noqa: S105
RECORD = "deployments/31337.json"


def fit(
    folder: Path, name: str, owner: Path, validation: Path, weights: Path, options: Sequence[str]
) -> dict[str, object]:
    """Fits a price function of the network in ``network.py`` by ``assay-oracle fit``, into the folder ``name``."""
    printed = run(
        *(BIN / "assay-oracle", "fit", "--model", "demo.network:predict", "--json"),
        *("--data", owner, "--validation", validation, "--label", "y"),
        *("--rate", "1ether", "--grid", "0.0001ether", "--out", folder / name),
        *options,
        log=folder / f"{name}.log",
        PYTHONPATH=str(ROOT / "scripts"),
        DEMO_WEIGHTS=str(weights),
    )
    found: dict[str, object] = json.loads(printed)
    return found


def make_oracle(node: Node, folder: Path, key: LocalAccount) -> None:
    """Makes the oracle's keys and settings by ``assay-oracle init``."""
    (folder / "password").write_text(PASSWORD)
    (folder / "oracle.key").write_text(key.key.hex())
    run(
        *(BIN / "assay-oracle", "init", "--password-file", folder / "password"),
        *("--data-dir", folder / "oracle", "--config", folder / "oracle.toml"),
        *("--private-key-file", folder / "oracle.key", "--node", node.url),
        *("--deployment", folder / RECORD),
        log=folder / "init.log",
    )


def called(node: Node, transaction: bytes) -> str:
    """Name of the contract's function that a transaction called."""
    selector = bytes.fromhex(node.rpc("eth_getTransactionByHash", "0x" + transaction.hex())["input"][2:10])
    functions = (entry for entry in contract_interface()["abi"] if entry["type"] == "function")
    return next(str(entry["name"]) for entry in functions if function_abi_to_4byte_selector(entry) == selector)


def serve(folder: Path, models: Mapping[ModelId, str]) -> Daemon:
    """``assay-oracle serve`` for ``models``, each with the folder of its price function; not started yet."""
    config = folder / "oracle.toml"
    blocks = "".join(f'\n[[models]]\nid = "0x{model.hex()}"\nartifact = "{name}"\n' for model, name in models.items())
    config.write_text(config.read_text() + blocks)
    return Daemon(config, password=PASSWORD, ASSAY_ORACLE_POLL_SECONDS="0.2")
