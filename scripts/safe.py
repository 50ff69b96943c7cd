"""Safe's own multisig on a local chain, from the build that Safe publishes."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

PACKAGE = Path(__file__).resolve().parent.parent / "node_modules/@safe-global/safe-smart-account"
ARTIFACTS = PACKAGE / "build/artifacts/contracts"
NOBODY = "0x" + 40 * "0"
FIRST = "0x" + 39 * "0" + "1"
"""Stands before the first owner in the Safe's list (``SENTINEL_OWNERS``)."""
_GAS = hex(8_000_000)

Rpc = Callable[..., Any]


def deploy_safe(rpc: Rpc, owners: Sequence[str], threshold: int) -> str:
    """The address of a Safe that ``threshold`` of ``owners`` sign for; ``rpc`` sends from an unlocked account."""
    singleton, handler, factory = (
        _send(rpc, data=_code(path))["contractAddress"]
        for path in ("Safe", "handler/CompatibilityFallbackHandler", "proxies/SafeProxyFactory")
    )
    setup = _call(
        "setup(address[],uint256,address,bytes,address,address,uint256,address)",
        *(list(owners), threshold, NOBODY, b"", handler, NOBODY, 0, NOBODY),
    )
    receipt = _send(rpc, to=factory, data=_call("createProxyWithNonce(address,bytes,uint256)", singleton, setup, 0))
    created = "0x" + keccak(text="ProxyCreation(address,address)").hex()
    (proxy,) = (log["topics"][1] for log in receipt["logs"] if log["topics"][0] == created)
    return to_checksum_address("0x" + proxy[-40:])


def replace_first_owner(rpc: Rpc, safe: str, old: str, new: str) -> None:
    """What the owners decide together: the Safe calls itself."""
    rpc("anvil_impersonateAccount", safe)
    rpc("anvil_setBalance", safe, hex(10**18))
    _send(rpc, sender=safe, to=safe, data=_call("swapOwner(address,address,address)", FIRST, old, new))


def join(signatures: Mapping[str, bytes]) -> bytes:
    """The Safe's signature, made of those of owners by their addresses."""
    return b"".join(signatures[owner] for owner in sorted(signatures, key=lambda owner: int(owner, 16)))


def _code(path: str) -> str:
    name = path.rpartition("/")[2]
    code: str = json.loads((ARTIFACTS / f"{path}.sol" / f"{name}.json").read_text())["bytecode"]
    return code


def _call(signature: str, *arguments: Any) -> bytes:
    kinds = signature.partition("(")[2].removesuffix(")").split(",")
    return keccak(text=signature)[:4] + encode(kinds, arguments)


def _send(rpc: Rpc, *, sender: str | None = None, data: bytes | str, **transaction: Any) -> Any:
    content = data if isinstance(data, str) else "0x" + data.hex()
    sent = rpc(
        "eth_sendTransaction", {"from": sender or rpc("eth_accounts")[0], "gas": _GAS, "data": content, **transaction}
    )
    while (receipt := rpc("eth_getTransactionReceipt", sent)) is None:
        time.sleep(0.01)
    if int(receipt["status"], 16) != 1:
        raise RuntimeError(f"expected a transaction that succeeds, {sent} failed")
    return receipt
