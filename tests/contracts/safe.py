"""Safe's own multisig, deployed from the build that Safe publishes."""

import json
from pathlib import Path
from typing import Any

from ape.contracts import ContractContainer, ContractInstance
from eth_account import Account
from eth_account.messages import encode_typed_data
from ethpm_types import ContractType

ARTIFACTS = (
    Path(__file__).resolve().parents[2] / "node_modules/@safe-global/safe-smart-account/build/artifacts/contracts"
)
NOBODY = "0x" + 40 * "0"


def container(path: str) -> ContractContainer:
    """A contract of the package, by its path without suffix."""
    artifact = json.loads((ARTIFACTS / f"{path}.sol" / f"{Path(path).name}.json").read_text())
    return ContractContainer(
        ContractType.model_validate(
            {
                "contractName": artifact["contractName"],
                "abi": artifact["abi"],
                "deploymentBytecode": {"bytecode": artifact["bytecode"]},
                "runtimeBytecode": {"bytecode": artifact["deployedBytecode"]},
            }
        )
    )


def deploy_safe(deployer: Any, owners: list[Any], threshold: int) -> ContractInstance:
    """A Safe that ``threshold`` of ``owners`` sign for."""
    template = container("Safe")
    singleton = deployer.deploy(template)
    handler = deployer.deploy(container("handler/CompatibilityFallbackHandler"))
    factory = deployer.deploy(container("proxies/SafeProxyFactory"))
    setup = singleton.setup.encode_input(
        [owner.address for owner in owners], threshold, NOBODY, b"", handler.address, NOBODY, 0, NOBODY
    )
    receipt = factory.createProxyWithNonce(singleton, setup, 0, sender=deployer)
    address = next(event.proxy for event in receipt.events if event.event_name == "ProxyCreation")
    return template.at(address, fetch_from_explorer=False)


def sign_for_safe(safe: Any, chain_id: int, signers: list[Any], digest: bytes) -> bytes:
    """The signatures of ``signers`` over Safe's message of ``digest``, ordered by address as Safe wants them."""
    message = encode_typed_data(
        domain_data={"chainId": chain_id, "verifyingContract": safe.address},
        message_types={"SafeMessage": [{"name": "message", "type": "bytes"}]},
        message_data={"message": digest},
    )
    ordered = sorted(signers, key=lambda signer: int(signer.address, 16))
    return b"".join(bytes(Account.sign_message(message, signer.private_key).signature) for signer in ordered)
