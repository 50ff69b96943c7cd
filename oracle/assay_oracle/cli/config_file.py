"""Adds models to the configuration file and removes them; everything else in the file stays as it is written."""

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

from assay.errors import SettingsError
from assay.files import write_whole
from assay.protocol.types import ModelId
from assay_oracle.settings import ModelEntry

_TABLE = re.compile(r"\s*\[")
_MODEL = re.compile(r"\s*\[\[\s*models\s*\]\]")


def toml_text(value: object) -> str:
    """A TOML string: every JSON string is one."""
    return json.dumps(str(value), ensure_ascii=False)


def add_model(config: Path, entry: ModelEntry) -> None:
    """Appends a block for a model. A path inside the file's folder is written relative to it.

    Raises:
        SettingsError: The file cannot be read, or a block cannot be appended to it.
    """
    text = _read(config)
    added = {"id": "0x" + entry.id.hex(), "artifact": _relative(config, entry.artifact)}
    if entry.proofs is not None:
        added["proofs"] = _relative(config, entry.proofs)
    block = "[[models]]\n" + "".join(f"{name} = {toml_text(value)}\n" for name, value in added.items())
    changed = f"{text.rstrip()}\n\n{block}" if text.strip() else block
    before = _parsed(config, text).get("models", [])
    _replace(config, text, changed, [*before, added])


def remove_model(config: Path, model_id: ModelId) -> None:
    """Removes the block of a model.

    Raises:
        SettingsError: The file cannot be read, or has no such block.
    """
    text = _read(config)
    before = _parsed(config, text).get("models", [])
    kept = [entry for entry in before if _id_of(entry) != model_id]
    if len(kept) == len(before):
        raise SettingsError(
            f"expected model 0x{model_id.hex()} in {config}, found none", hint="assay-oracle models list shows them"
        )
    lines = text.splitlines(keepends=True)
    starts = [i for i, line in enumerate(lines) if _MODEL.match(line)]
    for start in reversed(starts):
        later = (i for i in range(start + 1, len(lines)) if _TABLE.match(lines[i]))
        end = next(later, len(lines))
        if any(_id_of(entry) == model_id for entry in _models_of("".join(lines[start:end]))):
            del lines[start:end]
    _replace(config, text, "".join(lines), kept)


def _models_of(block: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = tomllib.loads(block)["models"]
    except tomllib.TOMLDecodeError:
        return []
    return found


def _id_of(entry: dict[str, Any]) -> bytes:
    try:
        return bytes.fromhex(str(entry.get("id", "")).removeprefix("0x"))
    except ValueError:
        return b""


def _relative(config: Path, named: Path) -> str:
    folder, target = config.resolve().parent, named.resolve()
    return str(target.relative_to(folder)) if target.is_relative_to(folder) else str(target)


def _read(config: Path) -> str:
    try:
        return config.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read {config}: {error}", hint="assay-oracle init writes one") from None


def _parsed(config: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"cannot read {config}: {error}", hint="it must be TOML") from None


def _replace(config: Path, before: str, after: str, models: list[dict[str, Any]]) -> None:
    """Writes the changed text if it means the same settings, with ``models``; the file is written whole."""
    wanted = {name: value for name, value in _parsed(config, before).items() if name != "models"}
    wanted |= {"models": models} if models else {}
    try:
        found = tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        found = {}
    if found != wanted:
        raise SettingsError(
            f"expected one [[models]] block for each model in {config}, found them written in another way",
            hint="edit the file by hand; the daemon reads it again",
        )
    write_whole(config, after.encode(), mode=os.stat(config).st_mode & 0o777)
