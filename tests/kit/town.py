"""A model owner and data owners at their command lines, a daemon and a chain: all as processes of their own."""

import json
import os
import subprocess
from functools import cached_property
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from scripts.localnet import BIN, CEILING, ETHER, Daemon, Node

from assay import keys
from assay.chain.interface import Deployment
from assay.chain.node import Node as ChainNode
from assay.chain.settlement import SettlementClient
from assay.oracle.api import OracleClient
from assay.sale.buyer import Buyer
from assay.sale.offers import OfferStore
from assay.sale.seller import Seller
from assay_oracle.keys import vault
from tests.kit.actors import PASSWORD
from tests.kit.data import csv
from tests.kit.light_keys import write_identity, write_keystore

HOUR = 3600
FRESH = 14
"""Further registrations of the one price function, for as many tests that sell."""
BLACK_BOX = '''
import numpy as np

def predict(x):
    """Probabilities of classes 0, 1, 2 by the distance to two corners; knows nothing of the third."""
    far = ((x[:, None, :] - np.array([[0.0, 0.0], [3.0, 0.0]])) ** 2).sum(2)
    likely = np.exp(-(far - far.min(1, keepdims=True)) / 2)
    likely = 0.999 * likely / likely.sum(1, keepdims=True)
    return np.column_stack([likely, np.full(len(x), 0.001)])
'''


def run(program: str, *arguments: object, cwd: Path | None = None, **environment: str) -> str:
    """Runs a command that must succeed; returns its stdout."""
    done = subprocess.run(
        [BIN / program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=CEILING,
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def patient(node: Node) -> ChainNode:
    """The client's view of a node, for a machine of any speed."""
    return ChainNode(node.url, timeout=CEILING)


class Party:
    """Somebody with a keystore, a folder, and the command ``assay``. Without a ``key``, makes one by command.

    Its ``town``, or its committee, has the chain, the deployment records, and the oracle's URL, or the members'.
    """

    def __init__(self, town: Any, name: str, *, key: bytes | None = None, funded: bool = True) -> None:
        self.town = town
        self.home = town.folder / name
        self.environment = {
            "ASSAY_HOME": str(self.home),
            "ASSAY_PASSWORD": f"{name}'s password",
            "ASSAY_NODE": town.node.url,
            "ASSAY_DEPLOYMENTS": str(town.deployments),
        }
        password = self.environment["ASSAY_PASSWORD"]
        keystore, identity = self.home / "keystore.json", self.home / "identity.json"
        if key:
            self.account: LocalAccount = Account.from_key(key)
        else:
            self.assay("keys", "new")
            self.account = keys.load_account(keystore, password)
            self.identity = keys.load_identity(identity, password)
            write_identity(identity, self.identity, password)
        write_keystore(keystore, bytes(self.account.key), password)
        if funded:
            town.node.fund(self.account.address, 1000 * ETHER)

    def start(self, *arguments: object, **changes: str) -> subprocess.Popen[str]:
        """Starts a command beside us."""
        environment = {**os.environ, **self.environment, "ASSAY_ORACLE": self.town.url, **changes}
        command = [BIN / "assay", *map(str, arguments), "--json"]
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.town.started.append(started)
        return started

    def assay(self, *arguments: object, status: int | tuple[int, ...] = 0, **changes: str) -> Any:
        """Runs a command to its end; its JSON."""
        return self.end(self.start(*arguments, **changes), status=status)

    def end(self, command: "subprocess.Popen[str]", *, status: int | tuple[int, ...] = 0) -> Any:
        """Waits for a command; its JSON. What it says tells no password and no stack."""
        out, talk = command.communicate(timeout=CEILING)
        expected = (status,) if isinstance(status, int) else status
        assert command.returncode in expected, (command.args, out, talk)
        assert "Traceback" not in talk
        assert self.environment["ASSAY_PASSWORD"] not in out + talk
        return json.loads(out)

    def refused(self, *arguments: object, **changes: str) -> dict[str, Any]:
        """Runs a command that must fail; its error, which says what to do. Wrong use has a status of its own."""
        error: dict[str, Any] = self.assay(*arguments, status=(1, 2), **changes)["error"]
        assert error["hint"], error
        return error

    # --- the same hands through the SDK ---

    @property
    def chain(self) -> SettlementClient:
        return self.town.chain(self.account)

    @property
    def seller(self) -> Seller:
        return Seller(self.chain, self.town.http, OfferStore(self.home), self.account, poll=0.1)

    @property
    def buyer(self) -> Buyer:
        folder = self.home / "purchases"
        return Buyer(self.chain, self.town.http, self.account, self.identity, folder)


class Town:
    """Everything that a sale takes, set up by the commands that the README shows."""

    further = FRESH

    def __init__(self, folder: Path, node: Node) -> None:
        self.folder = folder
        self.node = node
        self.deployments = folder / "deployments"
        self.deployments.mkdir()
        node.deploy(self.deployments / "31337.json")
        self.daemon = Daemon(folder / "oracle.toml", password=PASSWORD)
        self.started: list[subprocess.Popen[str]] = []
        self.url = self.daemon.url
        self.owner = Party(self, "owner")
        self.oracle = self._make_oracle()
        self.function_hash = self._fit()
        self.model = self._register()
        self.fresh = [self._register_again(number) for number in range(1, self.further + 1)]
        self._serve()

    def chain(self, account: Any = None) -> SettlementClient:
        return SettlementClient.of(
            patient(self.node), Deployment.read(self.deployments / "31337.json"), account=account
        )

    @cached_property
    def http(self) -> OracleClient:
        return OracleClient(self.url, timeout=CEILING)

    def __enter__(self) -> "Town":
        return self

    def __exit__(self, *_: object) -> None:
        """Ends everything, also the commands that a failed test left."""
        for command in self.started:
            command.kill()
            command.communicate()
        self.http.close()
        self.daemon.stop()

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def _make_oracle(self) -> str:
        password = self.file("password", PASSWORD.encode())
        made = json.loads(
            run(
                *("assay-oracle", "init", "--json", "--data-dir", self.folder / "oracle"),
                *("--password-file", password, "--config", self.folder / "oracle.toml", "--node", self.node.url),
                *("--deployment", self.deployments / "31337.json"),
            )
        )
        folder = vault.folder_of(self.folder / "oracle")
        opened = vault.open_vault(self.folder / "oracle", PASSWORD)
        assert opened.account is not None
        assert opened.account.address == made["oracle"]
        write_keystore(folder / "keystore.json", bytes(opened.account.key), PASSWORD)
        write_identity(folder / "identity.json", opened.identity, PASSWORD)
        self.node.fund(opened.account.address, 100 * ETHER)
        return str(opened.account.address)

    def _fit(self, *options: str) -> str:
        (self.folder / "blackbox.py").write_text(BLACK_BOX)
        data = self.file("owner.csv", csv(1, 150, (0, 1)))
        validation = self.file("validation.csv", csv(2, 300))
        fitted = json.loads(
            run(
                *("assay-oracle", "fit", "--json", "--model", "blackbox:predict", "--data", data, "--class", "2"),
                *("--validation", validation, "--rate", "0.1ether", "--out", self.folder / "price"),
                *("--setting", "family=linear"),  # a line parts its classes
                *options,
                cwd=self.folder,
            )
        )
        return str(fitted["function_hash"])

    def _register(self) -> str:
        registered = self.owner.assay(
            *("model", "register", "--function-hash", self.function_hash, "--oracle-address", self.oracle),
            *("--max-price", "1ether", "--reveal-window", HOUR, "--dispute-window", HOUR),
        )
        self.owner.assay("model", "fund", "--model", registered["model_id"], "--amount", "20ether")
        return str(registered["model_id"])

    def _register_again(self, number: int) -> str:
        buyer = self.owner.buyer
        terms = buyer.terms(bytes.fromhex(self.model[2:])).model_copy(update={"salt": number.to_bytes(32, "big")})
        model_id, _ = buyer.register(terms, self.oracle)
        buyer.fund(model_id, 20 * ETHER)
        return "0x" + model_id.hex()

    def _serve(self) -> None:
        config = self.folder / "oracle.toml"
        entries = (f'\n[[models]]\nid = "{model}"\nartifact = "price"\n' for model in (self.model, *self.fresh))
        config.write_text(config.read_text() + "".join(entries))
        self.daemon.start()
