"""Settings of the daemon: a TOML file, and environment variables ``ASSAY_ORACLE_...``, which override it.

A secret comes from its variable or from the file that ``..._FILE`` names; it is never printed.
"""

import os
import re
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from assay.chain.gas import DEFAULT_MAX_FEE
from assay.chain.values import LOCAL_CHAINS
from assay.errors import SettingsError, listed_faults
from assay.keys import read_password
from assay.protocol.messages import MAX_CHUNK_SIZE, MAX_QUOTE_SECONDS
from assay.protocol.statements import audience
from assay.protocol.types import Address, ModelIdField
from assay.settings import MAX_FEE, QUORUM, NativeAmount, NodeUrls

STILL_SECONDS = 600
"""Age of the latest block at which a public chain counts as standing still: 50 blocks of Ethereum."""
WALL_FACTOR = 4
"""Time of the clock for each second that pricing may compute: machines are shared, and waiting is not computing."""
MAX_WORKERS = 64
"""Processes that price, at most: each has a thread and a connection to the ledger."""
LEAST_TOKEN_CHARACTERS = 32
"""Length of the shortest token for operators, which nobody guesses if it is random."""
SECRETS = {"password", "password_file", "operator_token", "operator_token_file", "ledger_file"}
"""Settings that are never printed."""

JOURNAL = "journal.sqlite"
"""Name of the ledger in the data folder, where no other is set."""
_SQLITE = "sqlite:///"

Fingerprint = tuple[tuple[str, int, int, int], ...]
"""Name, length and times (nanoseconds) of every file in a folder but hidden ones."""


def environment_without_settings() -> dict[str, str]:
    """The environment's variables but those of Assay, which may hold a password; one thread for each computation.

    joblib is kept from looking for semaphores, which a confined process cannot make, and ``ctypes.util.find_library``,
    which torch with CUDA calls, from looking for a compiler, for which it makes a file.
    """
    others = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return others | threads | {"JOBLIB_MULTIPROCESSING": "0", "PATH": ""}


class ModelEntry(BaseModel):
    """A model to price for: its id on chain, and the folder of its price function.

    Attributes:
        proofs: Folder of what proofs of its prices are made with, if its oracle on chain is a ``ProvenOracle``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: ModelIdField
    artifact: Path
    proofs: Path | None = None

    def under(self, folder: Path) -> Self:
        """The same with relative paths taken from a folder."""
        proofs = None if self.proofs is None else folder / self.proofs
        return self.model_copy(update={"artifact": folder / self.artifact, "proofs": proofs})

    def fingerprint(self) -> Fingerprint | None:
        """Changes whenever a file of the artifact or of the proofs does; None if a folder cannot be listed."""
        folders = [self.artifact] if self.proofs is None else [self.artifact, self.proofs]
        try:
            paths = [path for folder in folders for path in folder.iterdir() if path.name[0] != "."]
            files = [(f"{path.parent.name}/{path.name}", path.stat()) for path in paths]
        except OSError:
            return None
        return tuple(sorted((name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in files))


class Settings(BaseSettings):
    """Everything that can be set; times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix="ASSAY_ORACLE_", extra="forbid", frozen=True)

    data_dir: Path = Field(Path("assay-oracle"), description="folder of journal, keys and files")
    ledger: SecretStr = Field(
        SecretStr(""),
        description="sqlite:///PATH, or postgresql+psycopg://USER@HOST/DATABASE for several daemons on one ledger;"
        " empty for journal.sqlite in data_dir",
    )
    ledger_file: Path | None = Field(None, description="file with the URL of the ledger")
    node: NodeUrls = Field(
        "http://127.0.0.1:8545", description="JSON-RPC endpoint of a node, or several with commas between them"
    )
    quorum: int = Field(0, ge=0, description=QUORUM)
    still_seconds: int | None = Field(
        None,
        ge=1,
        description="age of the latest block at which the chain counts as standing still; 600 but on a local chain",
    )
    deployment: Path = Field(Path("deployments/31337.json"), description="the contract's deployment record")
    models: tuple[ModelEntry, ...] = Field((), description="models to price for")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8550, ge=0, lt=65536, description="port to listen on; 0 is any free one")
    password: SecretStr | None = Field(None, description="password of the keys")
    password_file: Path | None = Field(None, description="file with the password")
    signer: str = Field(
        "", description="URL of a Web3Signer (mode eth1) that holds the signing key; empty for a keystore"
    )
    signer_address: Address | None = Field(None, description="account whose key that signer holds")
    signer_next_address: Address | None = Field(None, description="a second one, while the key is rotated")
    committee: Address | None = Field(
        None, description="the Safe that models name as their oracle, if this oracle is a member of a committee"
    )
    committee_urls: tuple[str, ...] = Field(
        (), description="base URLs of the other members, which assay-oracle check asks who they are"
    )
    urls: tuple[str, ...] = Field(
        (), description="base URLs under which clients reach this oracle; empty if from this machine alone"
    )
    proxies: tuple[str, ...] = Field(
        (), description="addresses or networks of the proxies in front of it, whose X-Forwarded-For is believed"
    )
    operator_token: SecretStr | None = Field(None, description="token with which an operator reads health and offers")
    operator_token_file: Path | None = Field(None, description="file with that token")
    session_seconds: int = Field(3600, ge=60, le=86_400, description="how long a login lasts")
    requests_per_second: float = Field(50.0, gt=0, description="requests of one account; those of 10 s at once")
    address_requests_per_second: float = Field(
        100.0, gt=0, description="requests from one address; those of 10 s at once"
    )
    logins_per_minute: float = Field(60.0, ge=1, description="logins from one address; those of a minute at once")
    offers_per_hour: float = Field(3600.0, ge=1, description="offers opened from one address; those of an hour at once")
    quote_seconds: int = Field(
        86_400, ge=60, le=MAX_QUOTE_SECONDS, description="lifetime of a quote; it is renewed at the same price"
    )
    confirmations: int | None = Field(None, ge=0, description="depth of an order before its key is handed over")
    max_fee: NativeAmount = Field(DEFAULT_MAX_FEE, description=MAX_FEE)
    poll_seconds: float = Field(1.0, gt=0, description="pause between two rounds of a loop")
    max_upload_bytes: int = Field(256 * 2**20, gt=0, description="the largest envelope of one offer")
    max_chunk_size: int = Field(
        MAX_CHUNK_SIZE, ge=1024, le=16_384, description="bytes of a sealed chunk, on which the gas of a dispute depends"
    )
    store: str = Field("", description="where uploads and deliveries are: empty for data_dir, or s3://BUCKET/PREFIX")
    store_endpoint: str = Field("", description="URL of an S3-compatible server; empty for that of AWS")
    max_disk_bytes: int = Field(16 * 2**30, gt=0, description="storage for all uploads and deliveries")
    max_open_offers: int = Field(256, gt=0, description="unpriced offers of all sellers")
    max_open_offers_per_seller: int = Field(4, gt=0, description="unpriced offers of one seller")
    max_blind_quotes_per_seller: int = Field(
        8, gt=0, description="blind quotes of one seller for one model that no uploaded data bear out"
    )
    max_blind_prices_per_model: int = Field(
        200, gt=0, description="blind prices of one model, to all sellers, that no uploaded data bear out"
    )
    upload_idle_seconds: int = Field(3600, gt=0, description="an upload that is idle for longer expires")
    quote_idle_seconds: int = Field(30 * 86_400, gt=0, description="a quote that is not sold within this time expires")
    keep_seconds: int = Field(30 * 86_400, ge=0, description="how long files of closed orders are kept")
    pricing_seconds: int = Field(3600, ge=10, description="processor time that pricing one offer may take at most")
    pricing_workers: int = Field(
        0, ge=0, le=MAX_WORKERS, description="processes that price side by side; 0 is one for each processor"
    )
    pricing_memory_bytes: int = Field(8 * 2**30, ge=2**30, description="memory that a process which prices may take")
    max_context_bytes: int = Field(
        2**29,
        ge=0,
        description="memory, in each of these processes, for opened records that offers are priced with: of sales, and"
        " of the same seller's other offers; beyond it they are opened again",
    )

    @field_validator("models")
    @classmethod
    def _ids_are_distinct(cls, models: tuple[ModelEntry, ...]) -> tuple[ModelEntry, ...]:
        repeated = sorted({entry.id for entry in models if [other.id for other in models].count(entry.id) > 1})
        if repeated:
            raise ValueError(f"expected each model once, got 0x{repeated[0].hex()} more than once")
        return models

    @field_validator("urls", "committee_urls")
    @classmethod
    def _urls_are_such(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(audience, urls))

    @field_validator("proxies")
    @classmethod
    def _proxies_are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_network(proxy)) for proxy in proxies)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments override the environment, the environment overrides the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @classmethod
    def read(cls, config: Path | None = None, **overrides: Any) -> Self:
        """Reads the TOML file at ``config``, if there is one, and the environment.

        All paths are relative to the file's folder, also paths from the environment.

        Raises:
            SettingsError: Unknown names, invalid values, or no such file.
        """
        if config is not None and not config.is_file():
            raise SettingsError(
                f"expected a configuration file at {config}, found none",
                hint="assay-oracle init writes one; or name it: --config",
            )
        given = {name: value for name, value in overrides.items() if value is not None}
        reader: type[Self] = type(cls.__name__, (cls,), {"model_config": {**cls.model_config, "toml_file": config}})
        try:
            settings = reader(**given)
        except ValidationError as error:
            raise SettingsError(
                f"expected valid settings, got: {listed_faults(error.errors())}",
                hint="assay-oracle settings lists them",
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"cannot read {config}: {error}", hint="it must be TOML") from None
        except ValueError as error:
            raise SettingsError(f"cannot read the settings: {error}", hint="lists are JSON there") from None
        return settings._in(config.resolve().parent, given) if config else settings

    def _in(self, folder: Path, given: dict[str, Any]) -> Self:
        changes: dict[str, Any] = {
            name: folder / getattr(self, name)
            for name in ("data_dir", "deployment", "password_file", "operator_token_file", "ledger_file")
            if name not in given and getattr(self, name) is not None
        }
        ledger = self.ledger.get_secret_value()
        if ledger.startswith(_SQLITE) and "ledger" not in given:
            changes["ledger"] = SecretStr(f"{_SQLITE}{folder / ledger.removeprefix(_SQLITE)}")
        changes["models"] = tuple(entry.under(folder) for entry in self.models)
        return self.model_copy(update=changes)

    def secret_password(self) -> str | None:
        """The password, from its variable or file; None where neither is set.

        Raises:
            SettingsError: the file cannot be read.
        """
        return _secret(self.password, self.password_file)

    def secret_operator_token(self) -> str | None:
        """The operator's token, from its variable or file; None where neither is set.

        Raises:
            SettingsError: The file cannot be read, or the token can be guessed.
        """
        token = _secret(self.operator_token, self.operator_token_file)
        if token is not None and len(token) < LEAST_TOKEN_CHARACTERS:
            raise SettingsError(
                f"expected an operator's token of {LEAST_TOKEN_CHARACTERS} characters at least, got {len(token)}",
                hint="make one at random: openssl rand -hex 32",
            )
        return token

    def ledger_url(self) -> str:
        """The URL of the ledger, which may have a password.

        Raises:
            SettingsError: its file cannot be read.
        """
        url = self.ledger.get_secret_value() or (read_password(self.ledger_file) if self.ledger_file else "")
        return url or f"{_SQLITE}{self.data_dir / JOURNAL}"

    def shares_ledger(self) -> bool:
        """Whether other daemons may use the ledger, and with it the store, too."""
        return self.ledger_url().startswith("postgresql")

    def still_after(self, chain_id: int) -> int | None:
        """Age of the latest block, in seconds, at which a chain stands still; None on a local chain, which may."""
        return self.still_seconds or (None if chain_id in LOCAL_CHAINS else STILL_SECONDS)

    def workers(self) -> int:
        """Number of processes that price."""
        return self.pricing_workers or min(len(os.sched_getaffinity(0)), MAX_WORKERS)

    def public(self) -> dict[str, Any]:
        """All settings that may be printed, without the secrets."""
        values = self.model_dump(mode="json", exclude=SECRETS)
        urls = {"ledger": self.ledger.get_secret_value(), "signer": self.signer}
        return values | {name: without_password(url) for name, url in urls.items()}


def without_password(url: str) -> str:
    """A URL with three asterisks for its password, also for one in its query."""
    hidden = re.sub(r"(://[^/@:]*):[^/]*@", r"\1:***@", url)
    return re.sub(r"([?&]password=)[^&]*", r"\1***", hidden)


def _secret(value: SecretStr | None, file: Path | None) -> str | None:
    if value is not None:
        return value.get_secret_value()
    return read_password(file) if file else None
