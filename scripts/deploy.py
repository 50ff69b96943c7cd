"""Deploys the settlement contract with CREATE2: the same address on every chain, for every sender.

    ape run deploy --network ethereum:local:foundry
    ape run deploy --network ethereum:local:http://127.0.0.1:8545 --account deployer

Writes the record that `assay` reads, `deployments/<chain id>.json`. Where the contract is deployed already, it says so
and sends nothing. The code is that of `client/assay/abi/Settlement.json`.
"""

import json
import os
from pathlib import Path
from typing import Any

import click
from ape import accounts, networks
from ape.api import AccountAPI, ReceiptAPI
from ape.cli import ConnectedProviderCommand
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from assay.chain.interface import Deployment, contract_interface

FACTORY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""Arachnid's deterministic deployment proxy: takes salt and creation code, and creates. Most chains have it."""
FACTORY_SIGNER = "0x3fAB184622Dc19b6109349B94811493BF2a45362"
FACTORY_FUNDS = 10**16
FACTORY_TRANSACTION = (
    "0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba0222222222222222222"
    "2222222222222222222222222222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222"
)
"""Its presigned transaction, the same on every chain; nobody has the key of its signer."""
SALT = bytes(32)


def create2_address(creation_code: bytes, salt: bytes = SALT) -> str:
    """Where the factory puts ``creation_code``: ``keccak256(0xff || factory || salt || keccak256(code))[12:]``."""
    factory = bytes.fromhex(FACTORY.removeprefix("0x"))
    return str(to_checksum_address(keccak(b"\xff" + factory + salt + keccak(creation_code))[12:]))


def code_at(address: str) -> bytes:
    """Runtime code at ``address``; empty where there is none."""
    return bytes(networks.provider.get_code(address))


def provide_factory(account: AccountAPI) -> None:
    """Puts the factory on a chain that lacks it.

    Raises:
        ClickException: the chain refuses the presigned transaction.
    """
    if code_at(FACTORY):
        return
    click.echo(f"no CREATE2 factory on this chain: putting it at {FACTORY}", err=True)
    missing = FACTORY_FUNDS - networks.provider.get_balance(FACTORY_SIGNER)
    if missing > 0:
        send(account, FACTORY_SIGNER, value=missing)
    try:
        networks.provider.make_request("eth_sendRawTransaction", [FACTORY_TRANSACTION])
    except Exception as error:
        raise click.ClickException(
            f"the chain refused the CREATE2 factory's presigned transaction: {error}\n"
            f"hint: it needs a gas price of at most 100 gwei and transactions without a chain id"
        ) from None
    if not code_at(FACTORY):
        raise click.ClickException(f"sent the CREATE2 factory's transaction, but found no code at {FACTORY}")


def chain_id() -> int:
    """The chain id by the node: ape has one id for every local network."""
    return int(networks.provider.make_request("eth_chainId", []), 16)


def send(account: AccountAPI, receiver: str, data: bytes = b"", value: int = 0) -> ReceiptAPI:
    """Signs for the node's own chain id, sends, waits."""
    node = networks.provider
    call = {"from": account.address, "to": receiver, "data": "0x" + data.hex(), "value": hex(value)}
    transaction = node.network.ecosystem.create_transaction(
        type=0,
        chain_id=chain_id(),
        nonce=node.get_nonce(account.address),
        gas_limit=int(node.make_request("eth_estimateGas", [call]), 16),
        gas_price=int(node.make_request("eth_gasPrice", []), 16) * 5 // 4,
        receiver=receiver,
        data=data,
        value=value,
    )
    signed = account.sign_transaction(transaction)
    if signed is None:
        raise click.ClickException(f"{account.address} did not sign")
    sent = node.make_request("eth_sendRawTransaction", ["0x" + signed.serialize_transaction().hex()])
    return node.get_receipt(sent)


def deploy(account: AccountAPI, record: Path) -> Deployment:
    """Deploys unless it is done, and writes ``record``.

    Raises:
        ClickException: what stands at the address is not the contract.
    """
    interface = contract_interface()
    creation_code = bytes.fromhex(interface["creation_code"].removeprefix("0x"))
    expected = interface["runtime_code_hash"]
    address = create2_address(creation_code)

    block = 0
    if code_at(address):
        click.echo(f"already deployed at {address}", err=True)
        if record.exists() and Deployment.read(record).address == address:
            block = Deployment.read(record).block
    else:
        provide_factory(account)
        receipt = send(account, FACTORY, data=SALT + creation_code)
        click.echo(f"sent {receipt.txn_hash}: {receipt.gas_used:,} gas", err=True)
        block = int(receipt.block_number)
    found = "0x" + keccak(code_at(address)).hex()
    if found != expected:
        raise click.ClickException(f"expected code with hash {expected} at {address}, found {found}")

    deployment = Deployment(chain_id=chain_id(), address=address, block=block, code_hash=expected)
    write(record, deployment)
    return deployment


def write(record: Path, deployment: Deployment) -> None:
    """Replaces the record in one step."""
    record.parent.mkdir(parents=True, exist_ok=True)
    draft = record.with_suffix(".new")
    draft.write_text(json.dumps(deployment.model_dump(mode="json"), indent=2) + "\n")
    os.replace(draft, record)


def chosen_account(alias: str | None) -> AccountAPI:
    """The account of that name, or ape's first test account.

    Raises:
        ClickException: there is none, or it cannot pay.
    """
    try:
        account: Any = accounts.load(alias) if alias else accounts.test_accounts[0]
    except Exception:
        raise click.ClickException(f"no account {alias!r}\nhint: ape accounts list, ape accounts import") from None
    if account.balance == 0:
        raise click.ClickException(f"{account.address} has no funds on this chain\nhint: --account ALIAS")
    return account


@click.command(cls=ConnectedProviderCommand, help=__doc__)
@click.option("--account", "alias", help="ape account that pays; default: ape's first test account")
@click.option("--record", type=click.Path(path_type=Path), help="default: deployments/<chain id>.json")
def cli(alias: str | None, record: Path | None) -> None:
    """The command."""
    path = record or Path("deployments") / f"{chain_id()}.json"
    deployment = deploy(chosen_account(alias), path)
    click.echo(json.dumps(deployment.model_dump(mode="json")))
    click.echo(f"recorded in {path}", err=True)
