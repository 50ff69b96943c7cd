"""What a command needs, made when it is first used: settings, keys, chain, oracle."""

import getpass
import re
import time
import warnings
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from assay.cli.group import did_you_mean
from assay.cli.tables import id_text
from assay.errors import AssayError, SettingsError, UsageError
from assay.names import Names
from assay.protocol.types import ModelId
from assay.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from eth_account.signers.local import LocalAccount

    from assay.chain.port import Chain
    from assay.chain.settlement import SettlementClient
    from assay.oracle.api import OracleClient
    from assay.oracle.committee import Committee
    from assay.protocol.messages import ModelInfo
    from assay.sale.offers import OfferRecord, OfferStore
    from assay.sale.portfolio import Portfolio
    from assay.sale.proven.prices import PriceProofs


class Session(ExitStack):
    """One run of a command. It closes what it opened when it is left.

    Args:
        options: Settings given on the command line; None stands for an option that was not given.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__()
        self.options = options

    @cached_property
    def settings(self) -> Settings:
        """Settings from the options, the environment and the configuration file."""
        return Settings.read(self.options)

    @cached_property
    def names(self) -> Names:
        """Names of models and accounts."""
        return Names(self.settings.home)

    def find_model(self, text: str) -> ModelId:
        """A model by its name, or by at least four hex digits with which its id, and no other, begins.

        Raises:
            UsageError: No model, or more than one, is meant.
        """
        names = self.names.models
        if text in names:
            return names[text]
        start = text.lower().removeprefix("0x")
        if not re.fullmatch(r"[0-9a-f]{4,64}", start):
            raise UsageError(
                f"expected the name or the id of a model, got {text!r}.{did_you_mean(text, list(names))}",
                hint="assay models lists models; assay names add model NAME ID names one",
            )
        found = _beginning(start, names.values())
        found = found or _beginning(start, (model.model_id for model in self.chain(sending=False).models()))
        if len(found) != 1:
            ids = ", ".join(f"0x{model_id.hex()}" for model_id in found[:4]) or "none"
            raise UsageError(
                f"expected one model whose id begins with 0x{start}, found {ids}", hint="assay models lists models"
            )
        return found[0]

    def priced_models(self) -> tuple[ModelId, ...]:
        """The models that the configured oracle prices for; none if it does not answer."""
        from assay.cli.terminal import report
        from assay.oracle.api import OracleClient

        try:
            with OracleClient(self.settings.oracles[0], attempts=1, report=report) as oracle:
                return tuple(map(ModelId, oracle.info().models))
        except AssayError:
            return ()

    def model_text(self, model_id: ModelId) -> str:
        """A model's name; if it has none, its id."""
        return self.names.of_model(model_id) or id_text(model_id)

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
        from assay.cli.terminal import report

        path = self.settings.keystore_path
        if exposed := keys.exposure(path):
            report(f"warning: {exposed}")
        return keys.load_account(path, self.password)

    @cached_property
    def address(self) -> str:
        """The account of the keystore; asks for its password only if the keystore does not name it."""
        from assay import keys

        return keys.address_of(self.settings.keystore_path) or self.account.address

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
        from assay.chain.node import Node
        from assay.chain.settlement import SettlementClient

        path = self.settings.deployments / f"{self.settings.chain}.json"
        deployment = Deployment.read(path)
        if deployment.chain_id != self.settings.chain:
            raise SettingsError(
                f"expected a deployment on chain {self.settings.chain} at {path}, got one on {deployment.chain_id}",
                hint="a record's name is its chain id",
            )
        client = SettlementClient.of(
            Node(self.settings.node, quorum=self.settings.quorum),
            deployment,
            account=self.account if sending else None,
            confirmations=self.settings.confirmations,
            max_fee=self.settings.max_fee,
        )
        client.check()
        return client

    def now(self) -> int:
        """Unix time of this machine."""
        return int(time.time())

    @cached_property
    def committee(self) -> "Committee":
        """The configured oracle, or the members of a committee."""
        from assay.cli.terminal import report
        from assay.oracle.api import OracleClient
        from assay.oracle.committee import Committee

        members = [OracleClient(url, report=report) for url in self.settings.oracles]
        return self.enter_context(Committee(members))

    @property
    def oracle(self) -> "OracleClient":
        """The configured oracle; of a committee, the first member, which tells about models."""
        return self.committee.members[0]

    def model(self, chain: "Chain", model_id: ModelId) -> "ModelInfo":
        """What the oracle publishes of a model, verified to be of the price function that the chain names.

        Raises:
            SaleError: The model is not registered.
            OracleMisbehaved: It is of another one.
        """
        from assay.chain.queries import registered_terms
        from assay.sale.trust import check_model

        return check_model(registered_terms(chain, model_id), self.oracle.model(model_id))

    def proofs(self, chain: "SettlementClient", model_id: ModelId, folder: "Path") -> "PriceProofs":
        """What checks proofs of a model's prices by its owner's ``folder``: that of the contract which the model names.

        A model whose oracle is an account has no contract that a folder could contradict.

        Raises:
            ProofsNotTaken: The contract takes other proofs.
            UsageError, OracleMisbehaved: The folder is no such folder.
        """
        from assay.chain.proven import operator_of
        from assay.sale.proven.prices import PriceProofs

        found = PriceProofs(chain.domain, folder, lambda: self.model(chain, model_id))
        oracle = chain.model_state(model_id).oracle
        if oracle is not None and chain.is_contract(oracle):
            operator_of(chain.node, oracle, chain.domain, model_id, found.key, found.terms)
        return found

    @cached_property
    def offers(self) -> "OfferStore":
        """The record of offers."""
        from assay.cli.terminal import report
        from assay.sale.offers import OfferStore

        return OfferStore(self.settings.home, report=report)

    def portfolio(self, chain: "Chain", into: "Path | None" = None) -> "Portfolio":
        """What the account has; ``into`` is the folder of its purchases, by default the home's."""
        from assay.sale.portfolio import Portfolio

        return Portfolio(chain, self.address, self._all_offers(), into or self.purchases_folder)

    def disposable(self, chain: "Chain", into: "Path | None" = None) -> "list[Path]":
        """Files that no open offer or order needs; those of orders whose end a reorganisation could undo are kept."""
        from assay.sale.portfolio import disposable_files
        from assay.sale.release import FINAL

        views = [
            view
            for view in self.portfolio(chain, into).orders()
            if view.status in FINAL and chain.is_confirmed(chain.history(view.order_id)[-1].block)
        ]
        return disposable_files(views, self._all_offers(), self.settings.home, into or self.purchases_folder)

    @property
    def purchases_folder(self) -> "Path":
        """Where purchases go by default."""
        return self.settings.home / "purchases"

    def _all_offers(self) -> "list[OfferRecord]":
        """All offers on record. Looking makes no folder."""
        return self.offers.all() if (self.settings.home / "offers").is_dir() else []


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


def _beginning(start: str, model_ids: Iterable[ModelId]) -> list[ModelId]:
    return sorted({model_id for model_id in model_ids if model_id.hex().startswith(start)})


pass_session = click.make_pass_decorator(Session)
