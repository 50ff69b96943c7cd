"""Names that a user gives to models and accounts, in place of their ids: ``names.json`` in the home."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from assay.errors import StoreError, UsageError
from assay.files import write_whole
from assay.protocol.types import Address, ModelId, ModelIdField, Value

_NAME = re.compile(r"(?!0x)[A-Za-z][A-Za-z0-9._-]{0,39}")


class _Stored(Value):
    models: dict[str, ModelIdField] = Field(default_factory=dict)
    accounts: dict[str, Address] = Field(default_factory=dict)


class Names:
    """The names under ``home``. Two things of one kind never share a name, and one thing has one name."""

    def __init__(self, home: Path) -> None:
        self._path = home / "names.json"

    @property
    def models(self) -> Mapping[str, ModelId]:
        """Models by name."""
        return self._read().models

    @property
    def accounts(self) -> Mapping[str, str]:
        """Addresses by name."""
        return self._read().accounts

    def of_model(self, model_id: ModelId) -> str | None:
        """Name of a model, if it has one."""
        return next((name for name, known in self.models.items() if known == model_id), None)

    def of_account(self, address: str) -> str | None:
        """Name of an account, if it has one."""
        return next((name for name, known in self.accounts.items() if known == address), None)

    def add_model(self, name: str, model_id: ModelId) -> None:
        """Names a model.

        Raises:
            UsageError: The name is impossible, or is another model's, or the model has another name.
        """
        stored = self._read()
        self._check(name, model_id, stored.models)
        self._write(stored.model_copy(update={"models": {**stored.models, name: model_id}}))

    def check_model(self, name: str, model_id: ModelId) -> None:
        """Verifies that ``add_model`` would succeed.

        Raises:
            UsageError: It would not.
        """
        self._check(name, model_id, self._read().models)

    def add_account(self, name: str, address: str) -> None:
        """Names an account.

        Raises:
            UsageError: The name is impossible, or is another account's, or the account has another name.
        """
        stored = self._read()
        self._check(name, address, stored.accounts)
        self._write(stored.model_copy(update={"accounts": {**stored.accounts, name: address}}))

    def remove(self, name: str) -> None:
        """Forgets a name.

        Raises:
            UsageError: Nothing has this name.
        """
        stored = self._read()
        if name not in stored.models and name not in stored.accounts:
            raise UsageError(f"nothing is named {name!r}", hint="assay names list shows the names")
        kept = {
            kind: {known: value for known, value in getattr(stored, kind).items() if known != name}
            for kind in ("models", "accounts")
        }
        self._write(stored.model_copy(update=kept))

    def _check(self, name: str, value: object, known: Mapping[str, object]) -> None:
        if not _NAME.fullmatch(name):
            raise UsageError(f"expected a name of letters, digits, '.', '_' and '-' after a letter, got {name!r}")
        if known.get(name, value) != value:
            raise UsageError(
                f"{name!r} names something else", hint=f"assay names remove {name}; or choose another name"
            )
        other = next((found for found, held in known.items() if held == value and found != name), None)
        if other:
            raise UsageError(f"it is named {other!r} already", hint=f"assay names remove {other}")

    def _read(self) -> _Stored:
        try:
            return _Stored.model_validate(json.loads(self._path.read_text()))
        except FileNotFoundError:
            return _Stored()
        except (OSError, ValueError, ValidationError) as error:
            raise StoreError(
                f"the names in {self._path} cannot be read: {error}", hint="correct the file, or move it away"
            ) from None

    def _write(self, stored: _Stored) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(self._path, stored.model_dump_json(indent=2).encode() + b"\n")
