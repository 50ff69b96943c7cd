"""Settings of the client, from ``ASSAY_*`` in the environment and from the command line."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings. An option on the command line takes precedence over the variable of the same name."""

    model_config = SettingsConfigDict(env_prefix="ASSAY_", extra="ignore")

    home: Path = Path.home() / ".assay"
    """Keys, offers and purchases."""
    node: str = "http://127.0.0.1:8545"
    """JSON-RPC endpoint of a node."""
    chain: int = 31337
    """Chain id that the node must serve."""
    deployments: Path = Path("deployments")
    """Folder of deployment records, ``<chain id>.json`` each."""
    oracle: str = "http://127.0.0.1:8550"
    """URL of the oracle."""
    keystore: Path | None = None
    """Ethereum keystore; by default ``<home>/keystore.json``."""
    password: SecretStr | None = None
    """Password of keystore and identity; prompted for if neither this nor a password file is set."""
    password_file: Path | None = None
    confirmations: int | None = Field(None, ge=0)
    """Blocks that must follow an order's before its key is revealed; by default 12, and none on a local chain."""

    @field_validator("home", "deployments", "keystore", "password_file", mode="after")
    @classmethod
    def _expanded(cls, path: Path | None) -> Path | None:
        return path.expanduser() if path else None

    @property
    def keystore_path(self) -> Path:
        """The keystore in use."""
        return self.keystore or self.home / "keystore.json"

    @property
    def identity_path(self) -> Path:
        """The age identity that deliveries are enveloped to."""
        return self.home / "identity.json"
