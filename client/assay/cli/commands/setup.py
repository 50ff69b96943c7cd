"""``assay init`` and ``assay settings``: the configuration file, and where each setting comes from."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.amounts import amount_text, exact_amount
from assay.chain.values import default_confirmations
from assay.cli.session import Session, pass_session
from assay.cli.tables import fields, table
from assay.cli.terminal import emit, json_option, report
from assay.errors import AssayError, SettingsError, UsageError
from assay.files import write_whole
from assay.settings import Settings

if TYPE_CHECKING:
    from assay.chain.interface import Deployment
    from assay.protocol.messages import OracleInfo

HEAD = "# Settings of assay. An option or a variable ASSAY_... takes precedence. Paths are relative to this folder.\n"


@click.command()
@click.option("--yes", is_flag=True, help="Ask nothing: take options, variables and defaults.")
@click.option("--replace", is_flag=True, help="Replace the configuration file that exists.")
@click.option(
    "--deployment",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The contract's deployment record, which is copied into the home.",
)
@click.option("--model", "model", help="Model that commands mean without --model: its name or id.")
@json_option
@pass_session
def init(session: Session, yes: bool, replace: bool, deployment: Path | None, model: str | None, as_json: bool) -> None:
    """Ask for node, contract, oracle and keys, and write the configuration file.

    Options before the command's name (--node, --oracle, --keystore, --password-file, --confirmations) answer the
    questions in advance; --max-fee is written if it is given. After this, no environment variable is needed.

    \b
    Examples:
      assay init
      assay --node http://127.0.0.1:8545 --oracle https://oracle.example init --deployment 31337.json --yes
    """
    home = session.settings.home
    path = session.settings.config_path
    if path.exists() and not replace:
        raise UsageError(f"{path} exists", hint="edit it, or pass --replace; assay settings shows what it sets")
    values, record = _Interview(session, yes=yes).run(deployment, model)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if record:
        (home / "deployments").mkdir(exist_ok=True, mode=0o700)
        write_whole(home / "deployments" / f"{record.chain_id}.json", record.model_dump_json(indent=2).encode() + b"\n")
    write_whole(path, (HEAD + "".join(_line(name, value) for name, value in values.items() if value != "")).encode())
    following = "assay models" if Settings.read({"home": home}).keystore_path.exists() else "assay keys new"
    result = {"config": str(path), "settings": values, "next": following}
    emit(result, fields([("written", path), ("next", following)]), as_json)


class _Interview:
    """Asks for what neither an option nor a variable sets; with ``yes``, takes what is set or the default."""

    def __init__(self, session: Session, *, yes: bool) -> None:
        self._settings = session.settings
        sources = self._settings.sources(session.options)
        self._set = {name for name, source in sources.items() if source.startswith(("option", "variable"))}
        self._yes = yes

    def run(self, deployment: Path | None, model: str | None) -> "tuple[dict[str, Any], Deployment | None]":
        """The values for the file, and the contract's record for the home."""
        settings = self._settings
        node = self._ask("node", "Node (JSON-RPC URL)", settings.node)
        chain_id = _chain_of(node) or settings.chain
        record = _record(deployment or settings.deployments / f"{chain_id}.json", yes=self._yes)
        oracle = self._ask("oracle", "Oracle (URL)", settings.oracle)
        info = _info_of(oracle.partition(",")[0].strip())
        if info and record and (info.chain_id, info.contract) != (record.chain_id, record.address):
            report(f"warning: the oracle works for contract {info.contract} on chain {info.chain_id}, not for this one")
        only = f"0x{info.models[0].hex()}" if info and len(info.models) == 1 else ""
        depth = default_confirmations(chain_id) if settings.confirmations is None else settings.confirmations
        password_file = str(settings.password_file or "")
        values = {
            "node": node,
            "chain": record.chain_id if record else chain_id,
            "deployments": "deployments" if record else str(settings.deployments.resolve()),
            "oracle": oracle,
            "model": model or self._ask("model", "Default model (name or id; empty: none)", settings.model or only),
            "keystore": self._path("keystore", "Keystore", str(settings.keystore_path)),
            "password_file": self._path(
                "password_file", "File with the password (empty: ask each time)", password_file
            ),
            "confirmations": int(
                self._ask(
                    "confirmations", "Blocks that must follow an order's before its key is handed over", str(depth)
                )
            ),
        }
        if "max_fee" in self._set:
            values["max_fee"] = exact_amount(settings.max_fee)
        return values, record

    def _ask(self, name: str, question: str, default: str) -> str:
        if self._yes or name in self._set:
            return default
        return str(click.prompt(question, default=default, show_default=bool(default), err=True)).strip()

    def _path(self, name: str, question: str, default: str) -> str:
        """A path, relative to the home if it lies there; empty for none."""
        given = self._ask(name, question, default)
        path, home = Path(given).expanduser().resolve(), self._settings.home.resolve()
        if not given:
            return ""
        return str(path.relative_to(home)) if path.is_relative_to(home) else str(path)


def _line(name: str, value: str | int) -> str:
    """A line of TOML. JSON's strings are TOML's, too, but for DEL, which no path or URL has."""
    return f"{name} = {json.dumps(value, ensure_ascii=False)}\n"


def _chain_of(node: str) -> int | None:
    """Chain id of a node; None, with a warning, if it does not answer now."""
    from assay.chain.node import Node

    try:
        return Node(node, timeout=10).chain_id()
    except AssayError as error:
        report(f"warning: {error.message}")
        return None


def _info_of(oracle: str) -> "OracleInfo | None":
    """What an oracle says of itself; None, with a warning, if it does not answer now.

    Raises:
        SettingsError: The URL is impossible.
    """
    from assay.oracle.api import OracleClient

    with OracleClient(oracle, attempts=1, timeout=10) as client:
        try:
            return client.info()
        except AssayError as error:
            report(f"warning: {error.message}")
            return None


def _record(path: Path, *, yes: bool) -> "Deployment | None":
    """The deployment record at ``path``, or where the user says that it is; None, with a warning, without one."""
    from assay.chain.interface import Deployment

    while True:
        try:
            return Deployment.read(path)
        except SettingsError as error:
            if yes:
                report(f"warning: {error.message}")
                return None
            report(error.message)
            typed = click.prompt("Deployment record (path; empty for none)", default="", show_default=False, err=True)
            if not typed:
                return None
            path = Path(typed).expanduser()


@click.command("settings")
@json_option
@pass_session
def show_settings(session: Session, as_json: bool) -> None:
    """Show every setting with its value and its source, except the password.

    \b
    Example:
      assay settings
    """
    settings = session.settings
    sources = settings.sources(session.options)
    depth = default_confirmations(settings.chain)
    shown: dict[str, object] = {
        **{name: getattr(settings, name) for name in type(settings).model_fields},
        "keystore": settings.keystore_path,
        "password": "set" if settings.password else "read from the file" if settings.password_file else "asked for",
        "password_file": settings.password_file or "none",
        "model": settings.model or "none",
        "confirmations": depth if settings.confirmations is None else settings.confirmations,
        "max_fee": amount_text(settings.max_fee),
    }
    rows = [(name, shown[name], sources[name]) for name in shown]
    values = {
        name: {"value": value if isinstance(value, int) else str(value), "source": source}
        for name, value, source in rows
    }
    values["max_fee"]["value"] = str(settings.max_fee)
    emit(values, table(("setting", "value", "source"), rows), as_json)
