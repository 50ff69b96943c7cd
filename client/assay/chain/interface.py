"""The contract that this version of the client belongs to: its interface, its errors, its deployment."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import function_abi_to_4byte_selector
from pydantic import Field, ValidationError

from assay.chain.remedies import REMEDIES
from assay.errors import ContractReverted, SettingsError, listed_faults
from assay.protocol.types import Address, Bytes32, Value


class Deployment(Value):
    """Where the contract is: the record that the deployment writes, ``deployments/<chain id>.json``."""

    chain_id: int = Field(gt=0)
    address: Address
    block: int = Field(ge=0)
    code_hash: Bytes32

    @classmethod
    def read(cls, path: Path) -> "Deployment":
        """Reads a deployment record.

        Raises:
            SettingsError: The file does not exist, or is not a deployment record.
        """
        try:
            return cls.model_validate({k: v for k, v in json.loads(path.read_text()).items() if k in cls.model_fields})
        except FileNotFoundError:
            raise SettingsError(
                f"expected a deployment record at {path}, found none",
                hint="the contract is not deployed on this chain: ape run deploy; or name the record's folder",
            ) from None
        except ValidationError as error:
            raise SettingsError(f"{path} is not a deployment record: {listed_faults(error.errors())}") from None
        except (ValueError, AttributeError) as error:
            raise SettingsError(f"{path} is not a deployment record: {error}") from None


@cache
def contract_interface() -> dict[str, Any]:
    """ABI, creation code and runtime code hash of the contract that this version belongs to."""
    interface: dict[str, Any] = json.loads(files("assay").joinpath("abi/Settlement.json").read_text())
    return interface


@dataclass(frozen=True)
class View:
    """One function that reads: what is sent to call it, and what comes back. Its types are looked up once.

    web3 looks the function up and checks its arguments anew at each call, which takes ten times as long.
    """

    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def calldata(self, *arguments: Any) -> bytes:
        """The call with these arguments, encoded."""
        return self.selector + encode(self.inputs, arguments)

    def values(self, answer: bytes) -> Sequence[Any]:
        """What the function returned.

        Raises:
            DecodingError: The bytes are no such answer.
        """
        return decode(self.outputs, answer)


@cache
def view(name: str) -> View:
    """The contract's function of this name."""
    (entry,) = (e for e in contract_interface()["abi"] if e["type"] == "function" and e["name"] == name)
    inputs, outputs = (tuple(str(one["type"]) for one in entry[side]) for side in ("inputs", "outputs"))
    return View(function_abi_to_4byte_selector(entry), inputs, outputs)


@cache
def _errors() -> dict[bytes, dict[str, Any]]:
    return {function_abi_to_4byte_selector(e): e for e in contract_interface()["abi"] if e["type"] == "error"}


def decode_revert(data: bytes) -> ContractReverted | None:
    """The error of our contract in revert ``data``; None if another contract or the node raised it."""
    entry = _errors().get(data[:4])
    if entry is None:
        return None
    names = [parameter["name"] for parameter in entry["inputs"]]
    try:
        values = decode([parameter["type"] for parameter in entry["inputs"]], data[4:])
    except DecodingError:
        return None
    arguments = {
        name: f"0x{value.hex()}" if isinstance(value, bytes) else value
        for name, value in zip(names, values, strict=True)
    }
    return ContractReverted(entry["name"], arguments, hint=REMEDIES.get(entry["name"]))
