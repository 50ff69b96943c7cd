"""Settings of the client: from the command line, ``ASSAY_*`` in the environment, and ``config.toml`` in the home.

An option takes precedence over a variable, a variable over the file, and the file over the default.
"""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from assay.amounts import WrittenAmount
from assay.chain.gas import DEFAULT_MAX_FEE
from assay.errors import SettingsError, UsageError, listed_faults

CONFIG_NAME = "config.toml"
PREFIX = "ASSAY_"
_OUTSIDE_FILE = ("home", "password")
"""Settings that no file may hold: the home is where the file is, and a password belongs into a file of its own."""
_PATHS = ("deployments", "keystore", "password_file")


def _coin(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("expected an amount of the native coin, such as '0.2eth'")
    try:
        return WrittenAmount.parse(str(value)).base_units()
    except UsageError as error:
        raise ValueError(error.message) from None


def _joined(value: object) -> object:
    return ", ".join(value) if isinstance(value, list) and all(isinstance(url, str) for url in value) else value


NodeUrls = Annotated[str, BeforeValidator(_joined)]
"""URLs of nodes: one text with commas between them, or a list."""
QUORUM = "nodes that must agree on what money follows from; 0 for more than half"
NativeAmount = Annotated[int, BeforeValidator(_coin), Field(gt=0)]
"""An amount of the native coin: base units, or with a unit, as in ``0.2eth``."""
MAX_FEE = "the most that one transaction may cost for its gas, in the native coin"


class Settings(BaseSettings):
    """Settings; see ``read`` for where they come from."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore")

    home: Path = Field(Path.home() / ".assay", description="folder of keys, offers, purchases and config.toml")
    node: NodeUrls = Field(
        "http://127.0.0.1:8545", description="JSON-RPC endpoint of a node, or several with commas between them"
    )
    quorum: int = Field(1, ge=0, description=QUORUM)
    chain: int = Field(31337, description="chain id that the node must serve")
    deployments: Path = Field(Path("deployments"), description="folder of deployment records, <chain id>.json each")
    oracle: str = Field(
        "http://127.0.0.1:8550",
        description="URL of the oracle, or of the members of a committee with commas between them",
    )
    keystore: Path | None = Field(None, description="Ethereum keystore; by default keystore.json in the home")
    password: SecretStr | None = Field(None, description="password of keystore and identity; by default asked for")
    password_file: Path | None = Field(None, description="file that holds the password")
    model: str | None = Field(None, description="model that commands mean without --model: its name or id")
    confirmations: int | None = Field(
        None, ge=0, description="blocks that must follow an order's before its key is handed over"
    )
    max_fee: NativeAmount = Field(DEFAULT_MAX_FEE, description=MAX_FEE)

    @field_validator("home", *_PATHS, mode="after")
    @classmethod
    def _expanded(cls, path: Path | None) -> Path | None:
        return path.expanduser() if path else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options override the environment, the environment overrides the file."""
        home = init_settings().get("home") or env_settings().get("home") or cls.model_fields["home"].default
        return init_settings, env_settings, _ConfigFile(settings_cls, Path(home).expanduser() / CONFIG_NAME)

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> Self:
        """Settings with these options of the command line; None stands for an option that was not given.

        Raises:
            SettingsError: A setting is impossible, or the file cannot be read.
        """
        try:
            return cls(**{name: value for name, value in options.items() if value is not None})
        except ValidationError as error:
            raise SettingsError(
                listed_faults(error.errors()), hint="assay settings shows where each comes from"
            ) from None

    def sources(self, options: Mapping[str, Any]) -> dict[str, str]:
        """Where each setting comes from: an option, a variable, the file, or the default."""
        environment = EnvSettingsSource(type(self))()
        file = _ConfigFile(type(self), self.config_path)()
        found = {}
        for name in type(self).model_fields:
            if options.get(name) is not None:
                found[name] = f"option --{name.replace('_', '-')}"
            elif name in environment:
                found[name] = f"variable {PREFIX}{name.upper()}"
            else:
                found[name] = str(self.config_path) if name in file else "default"
        return found

    @property
    def oracles(self) -> tuple[str, ...]:
        """The URL of the oracle, or those of the members of a committee."""
        return tuple(url.strip() for url in self.oracle.split(","))

    @property
    def config_path(self) -> Path:
        """The configuration file, which need not exist."""
        return self.home / CONFIG_NAME

    @property
    def keystore_path(self) -> Path:
        """The keystore in use."""
        return self.keystore or self.home / "keystore.json"

    @property
    def identity_path(self) -> Path:
        """The age identity that deliveries are enveloped to."""
        return self.home / "identity.json"


class _ConfigFile(PydanticBaseSettingsSource):
    """The settings of a TOML file; paths in it are relative to its folder. A file that does not exist sets nothing."""

    def __init__(self, settings_cls: type[BaseSettings], path: Path) -> None:
        super().__init__(settings_cls)
        self._path = path

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        try:
            content = tomllib.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:  # malformed TOML and text that is not UTF-8 are ValueErrors
            raise SettingsError(f"cannot read {self._path}: {error}", hint="correct it, or move it away") from None
        known = [name for name in self.settings_cls.model_fields if name not in _OUTSIDE_FILE]
        for name in content:
            if name not in known:
                near = get_close_matches(name, known)
                raise SettingsError(
                    f"expected settings among {', '.join(known)} in {self._path}, got {name!r}",
                    hint=f"did you mean {near[0]}?" if near else "remove it",
                )
        return {
            name: self._path.parent / Path(value).expanduser() if name in _PATHS and isinstance(value, str) else value
            for name, value in content.items()
        }
