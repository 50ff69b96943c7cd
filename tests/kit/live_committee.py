"""A committee with a chain, a Safe and daemons of its own: each member has a folder, a key and a process."""

import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from scripts.localnet import BIN, CEILING, ETHER, Daemon, Node
from scripts.safe import deploy_safe

from assay import envelope
from assay.chain.interface import Deployment
from assay.chain.settlement import SettlementClient
from assay.oracle.api import OracleClient
from assay.oracle.committee import Committee
from assay.protocol.structs import ModelTerms
from assay.protocol.types import ModelId
from assay.sale.buyer import Buyer
from assay.sale.offers import OfferStore
from assay.sale.seller import Seller
from assay_pricing.function import PriceFunction
from tests.kit.actors import PASSWORD, buyer_account, seller_account
from tests.kit.light_keys import write_identity, write_vault
from tests.kit.town import Party, patient

HOUR = 3600
LYING = (sys.executable, "-m", "tests.kit.other_prices")
MEMBERS: tuple[LocalAccount, ...] = tuple(Account.from_key(bytes([number]) * 32) for number in (21, 22, 23))


class LiveCommittee:
    """Models whose oracle is a Safe of three, two of whom sign; the members' daemons are ``daemons``."""

    def __init__(self, folder: Path, node: Node, artifact: Path, *, models: int) -> None:
        self.folder = folder
        self.node = node
        self.deployments = folder
        self.started: list[subprocess.Popen[str]] = []
        self.record = folder / "31337.json"
        node.deploy(self.record)
        for account in (buyer_account, seller_account):
            node.fund(account.address, 100 * ETHER)
        self.safe = deploy_safe(node.rpc, [account.address for account in MEMBERS], 2)
        self.buyer_identity = envelope.new_identity()
        self.models = [self._register(artifact, number) for number in range(models)]
        secret = secrets.token_bytes(32)
        configs = [
            self._configure(name, account, secret, artifact) for name, account in zip("abc", MEMBERS, strict=True)
        ]
        self.daemons = [Daemon(config, password=PASSWORD, ASSAY_ORACLE_PRICING_WORKERS="1") for config in configs]

    def __enter__(self) -> "LiveCommittee":
        for daemon in self.daemons:
            daemon.start()
        return self

    def __exit__(self, *_: object) -> None:
        for command in self.started:
            command.kill()
            command.communicate()
        for daemon in self.daemons:
            daemon.kill()

    def _register(self, artifact: Path, number: int) -> ModelId:
        terms = ModelTerms(
            owner=buyer_account.address,
            function_hash=PriceFunction.load(artifact).hash,
            delivery_key=envelope.delivery_key_of(envelope.public_of(self.buyer_identity)),
            max_price=ETHER,
            reveal_window=HOUR,
            dispute_window=HOUR,
            salt=number.to_bytes(32, "big"),
        )
        chain = self.chain(buyer_account)
        chain.register_model(terms, self.safe)
        chain.fund(terms, 10 * ETHER)
        return chain.model_id(terms)

    def _configure(self, name: str, account: LocalAccount, secret: bytes, artifact: Path) -> Path:
        home = self.folder / name
        write_vault(home / "oracle", bytes(account.key), PASSWORD, secret=secret)
        config = home / "oracle.toml"
        config.write_text(
            f'data_dir = "oracle"\nnode = "{self.node.url}"\ndeployment = "{self.record}"\ncommittee = "{self.safe}"\n'
            + "".join(f'[[models]]\nid = "0x{model.hex()}"\nartifact = "{artifact}"\n' for model in self.models)
        )
        return config

    # --- what befalls members ---

    def kill(self, member: int) -> None:
        self.daemons[member].kill()

    def restart(self, member: int, *, lying: bool = False) -> None:
        """Starts a member that was killed."""
        self.daemons[member].program = LYING if lying else (BIN / "assay-oracle",)
        self.daemons[member].start()

    def stop(self, member: int) -> None:
        """The member's process stands still: it takes connections, and answers nothing."""
        self.daemons[member].process.send_signal(signal.SIGSTOP)

    def resume(self, member: int) -> None:
        self.daemons[member].process.send_signal(signal.SIGCONT)

    # --- who asks them ---

    def chain(self, account: Any) -> SettlementClient:
        return SettlementClient.of(patient(self.node), Deployment.read(self.record), account=account)

    def committee(self, **options: Any) -> Committee:
        return Committee([OracleClient(daemon.url, **{"timeout": CEILING} | options) for daemon in self.daemons])

    @property
    def url(self) -> str:
        """The members' URLs, as commands take them."""
        return ",".join(daemon.url for daemon in self.daemons)

    def party(self, name: str, account: LocalAccount) -> Party:
        """Somebody at a command line, with the delivery key of the models."""
        made = Party(self, name, key=bytes(account.key), funded=False)
        write_identity(made.home / "identity.json", self.buyer_identity, made.environment["ASSAY_PASSWORD"])
        return made

    def seller(self, **options: Any) -> Seller:
        store = OfferStore(self.folder / "seller")
        return Seller(self.chain(seller_account), self.committee(**options), store, seller_account, poll=0.1)

    def buyer(self) -> Buyer:
        folder = self.folder / "bought"
        return Buyer(self.chain(buyer_account), self.committee(), buyer_account, self.buyer_identity, folder)
