"""What a command needs, made when it is first asked for: settings, keys, chain, oracle."""

import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import click
from eth_account.signers.local import LocalAccount

from assay import keys
from assay.chain.interface import Deployment
from assay.chain.settlement import SettlementClient
from assay.errors import SettingsError
from assay.oracle_api import OracleClient
from assay.sale.offers import OfferStore
from assay.settings import Settings


class Session:
    """One run of a command."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def password(self) -> str:
        """From the settings, a file, or asked for with hidden input."""
        if self.settings.password_file:
            return keys.read_password(self.settings.password_file)
        if self.settings.password:
            return self.settings.password.get_secret_value()
        return str(click.prompt("Password", hide_input=True, err=True))

    @cached_property
    def account(self) -> LocalAccount:
        """Who signs and sends."""
        return keys.load_account(self.settings.keystore_path, self.password)

    @cached_property
    def identity(self) -> str:
        """The age identity that deliveries are enveloped to."""
        return keys.load_identity(self.settings.identity_path, self.password)

    def chain(self, *, sending: bool) -> SettlementClient:
        """The contract on the configured chain, checked to be there."""
        path = self.settings.deployments / f"{self.settings.chain}.json"
        deployment = Deployment.read(path)
        if deployment.chain_id != self.settings.chain:
            raise SettingsError(
                f"expected a deployment on chain {self.settings.chain} at {path}, got one on {deployment.chain_id}",
                hint="a record's name is its chain id",
            )
        client = SettlementClient.of(
            self.settings.node,
            deployment,
            account=self.account if sending else None,
            confirmations=self.settings.confirmations,
        )
        client.check()
        return client

    def now(self) -> int:
        """Unix time of this machine."""
        return int(time.time())

    @cached_property
    def oracle(self) -> OracleClient:
        """The configured oracle."""
        return OracleClient(self.settings.oracle)

    @cached_property
    def offers(self) -> OfferStore:
        """The record of offers."""
        return OfferStore(self.settings.home)


pass_session = click.make_pass_decorator(Session)


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds an option for every setting."""
    for option in (
        click.option("--confirmations", type=click.IntRange(0), help="Blocks on an order before its key is risked."),
        click.option("--password-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Password."),
        click.option("--keystore", type=click.Path(path_type=Path), help="Ethereum keystore (JSON)."),
        click.option("--oracle", help="URL of the oracle."),
        click.option("--deployments", type=click.Path(path_type=Path), help="Folder of deployment records."),
        click.option("--chain", type=int, help="Chain id."),
        click.option("--node", help="JSON-RPC URL of a node."),
        click.option("--home", type=click.Path(path_type=Path), help="Keys, offers and purchases."),
    ):
        command = option(command)
    return command
