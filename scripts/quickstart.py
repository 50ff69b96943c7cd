"""Makes a folder to try Assay in: a local chain, the contract, three parties with keys and settings, and sample data.

python scripts/quickstart.py FOLDER [PORT]

The chain keeps running in the background when the script ends; ``FOLDER/chain.pid`` holds its process.
"""

import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from localnet import account, start_anvil
from sample import MODEL, write_tables

from assay.errors import AssayError
from assay.keys import create_identity, create_keystore
from assay_oracle.keys import vault

PASSWORD = "quickstart"  # noqa: S105 of keys that everybody knows
CHAIN_PORT = 8545
ORACLE_PORT = 8550
PARTIES = {"buyer": 1, "seller": 2}
CONFIG = """\
node = {node}
chain = 31337
deployments = "../deployments"
oracle = {oracle}
password_file = "../password"
"""
ORACLE_CONFIG = """\
data_dir = "oracle"
node = {node}
deployment = "deployments/31337.json"
password_file = "password"
port = {port}
"""


def make_party(folder: Path, name: str, node: str, oracle: str) -> None:
    """A home with the keys and the settings of a buyer or a seller."""
    home = folder / name
    home.mkdir()
    create_keystore(home / "keystore.json", PASSWORD, private_key=bytes(account(PARTIES[name]).key))
    create_identity(home / "identity.json", PASSWORD)
    (home / "config.toml").write_text(CONFIG.format(node=json.dumps(node), oracle=json.dumps(oracle)))


def make_oracle(folder: Path, node: str, port: int) -> None:
    """The oracle's keys, and its settings in ``oracle.toml``."""
    vault.create(folder / "oracle", PASSWORD, private_key=bytes(account(3).key))
    (folder / "oracle.toml").write_text(ORACLE_CONFIG.format(node=json.dumps(node), port=port))


def check(folder: Path, *ports: int) -> None:
    """Ends the script unless the folder is free, and nothing listens on the ports."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        sys.exit(f"error: expected a new folder, {folder} exists\nhint: name another one, or remove it")
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                sys.exit(
                    f"error: expected a free port {port}, something listens there\n"
                    "hint: end it, or name another port for the chain behind the folder, for example "
                    f"{folder} 9545; the oracle takes the fifth one after it"
                )


def main(folder: Path, port: int = CHAIN_PORT) -> None:
    """Makes the folder and starts the chain."""
    oracle_port = port + ORACLE_PORT - CHAIN_PORT
    check(folder, port, oracle_port)
    print("starting the chain and deploying the contract", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "password").write_text(f"{PASSWORD}\n")
    process, node = start_anvil(folder / "chain.log", port=port)
    (folder / "chain.pid").write_text(f"{process.pid}\n")
    node.deploy(folder / "deployments" / "31337.json")
    oracle = f"http://127.0.0.1:{oracle_port}"
    with ThreadPoolExecutor() as pool:
        making = [pool.submit(make_party, folder, name, node.url, oracle) for name in PARTIES]
        making.append(pool.submit(make_oracle, folder, node.url, oracle_port))
        for made in making:
            made.result()
    write_tables(folder)
    (folder / "model.py").write_text(MODEL)
    print(f"{folder} is ready. The chain runs at {node.url}; it ends with: kill {process.pid}")


if __name__ == "__main__":
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__)
        sys.exit()
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-") or not all(word.isdigit() for word in sys.argv[2:]):
        sys.exit("error: expected a folder and at most a port\nhint: python scripts/quickstart.py shop, or shop 9545")
    try:
        main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
    except (AssayError, RuntimeError) as error:
        sys.exit(f"error: {error}")
