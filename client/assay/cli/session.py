"""What a command needs, made when it is first used: settings, keys, chain, oracle."""

import getpass
import time
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import click
from pydantic import ValidationError

from assay.errors import SettingsError, UsageError, listed_faults
from assay.settings import Settings

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from assay.chain.settlement import SettlementClient
    from assay.oracle_api import OracleClient
    from assay.sale.offers import OfferStore


class Session(ExitStack):
    """One run of a command. It closes what it opened when it is left."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings

    @classmethod
    def of_options(cls, options: Mapping[str, Any]) -> Self:
        """A session with these options of the command line; None stands for an option that was not given.

        Raises:
            SettingsError: A setting is impossible.
        """
        try:
            return cls(Settings(**{name: value for name, value in options.items() if value is not None}))
        except ValidationError as error:
            raise SettingsError(listed_faults(error.errors())) from None

    @cached_property
    def password(self) -> str:
        """From the settings, a file, or a prompt with hidden input."""
        from assay import keys

        if self.settings.password_file:
            return keys.read_password(self.settings.password_file)
        if self.settings.password:
            return self.settings.password.get_secret_value()
        return ask_password("Password")

    @cached_property
    def account(self) -> "LocalAccount":
        """Signs statements and transactions."""
        from assay import keys

        return keys.load_account(self.settings.keystore_path, self.password)

    @cached_property
    def identity(self) -> str:
        """The age identity that deliveries are enveloped to."""
        from assay import keys

        return keys.load_identity(self.settings.identity_path, self.password)

    def chain(self, *, sending: bool) -> "SettlementClient":
        """The contract on the configured chain, checked to be there.

        Args:
            sending: Open the keystore, to send transactions.
        """
        from assay.chain.interface import Deployment
        from assay.chain.settlement import SettlementClient

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
    def oracle(self) -> "OracleClient":
        """The configured oracle."""
        from assay.oracle_api import OracleClient

        return self.enter_context(OracleClient(self.settings.oracle))

    @cached_property
    def offers(self) -> "OfferStore":
        """The record of offers."""
        from assay.sale.offers import OfferStore

        return OfferStore(self.settings.home)


def ask_password(text: str, *, twice: bool = False) -> str:
    """A password that the user types, unseen; ``twice`` asks for it again.

    Raises:
        UsageError: There is no terminal to ask at.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return str(click.prompt(text, hide_input=True, confirmation_prompt=twice, err=True))
        except getpass.GetPassWarning:
            raise UsageError(
                "expected a terminal to ask for the password, found none",
                hint="name a file that holds it: --password-file, ASSAY_PASSWORD_FILE, or password_file in config.toml",
            ) from None


pass_session = click.make_pass_decorator(Session)
