"""An account whose key another process holds signs the same as one whose key is here, or nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripts.localnet import ETHER, anvil

from assay.chain.settlement import SettlementClient
from assay.errors import KeysError, KeystoreInvalid
from assay.protocol.statements import signer_of
from assay.protocol.types import NATIVE_TOKEN
from assay_oracle.keys import vault
from assay_oracle.keys.remote import RemoteAccount
from tests.kit.actors import DOMAIN, PASSWORD, oracle_account, rival_account
from tests.kit.light_keys import write_vault
from tests.kit.web3signer import Web3Signer

pytestmark = pytest.mark.integration

FEES: dict[str, Any] = {"maxFeePerGas": 30 * 10**9, "maxPriorityFeePerGas": 10**9}
TRANSACTION: dict[str, Any] = {
    "from": oracle_account.address,
    "to": rival_account.address,
    "value": 7,
    "data": "0x1234",
    "nonce": 0,
    "gas": 50_000,
    "chainId": 31337,
}


@pytest.fixture
def server() -> Iterator[Web3Signer]:
    with Web3Signer(bytes(rival_account.key), bytes(oracle_account.key)) as made:
        yield made


@pytest.fixture
def account(server: Web3Signer) -> RemoteAccount:
    return RemoteAccount(server.url + "/", oracle_account.address)


def test_statement_is_signed_as_by_a_key_that_is_here(account: RemoteAccount) -> None:
    message = DOMAIN.recipient("age1x")
    made, own = account.sign_message(message), oracle_account.sign_message(message)
    assert signer_of(message, bytes(made.signature)) == oracle_account.address
    assert (made.signature, made.message_hash) == (own.signature, own.message_hash)


@pytest.mark.parametrize("offer", [FEES, {"gasPrice": 10**9}], ids=["eip_1559", "eip_155"])
def test_transaction_is_signed_as_by_a_key_that_is_here(account: RemoteAccount, offer: dict[str, Any]) -> None:
    assert account.sign_transaction(TRANSACTION | offer) == oracle_account.sign_transaction(TRANSACTION | offer)


def test_transactions_are_mined(account: RemoteAccount, tmp_path: Path) -> None:
    with anvil(tmp_path / "anvil.log") as node:
        node.fund(account.address, ETHER)
        chain = SettlementClient.of(node.url, node.deploy(tmp_path / "31337.json"), account=account)
        chain.deposit(NATIVE_TOKEN, 5)
        assert chain.credit(NATIVE_TOKEN, oracle_account.address) == 5


def test_signature_over_another_hash_is_not_used(server: Web3Signer, account: RemoteAccount) -> None:
    """A signer that prefixes, as ``eth_sign`` does, would make quotes that the contract refuses."""
    server.prefixed = True
    with pytest.raises(KeysError, match="over the Keccak-256 of the data"):
        account.sign_message(DOMAIN.recipient("age1x"))
    with pytest.raises(KeysError, match="over the Keccak-256 of the data"):
        account.sign_transaction(TRANSACTION | FEES)


def test_signer_that_is_away_signs_once_it_is_back(server: Web3Signer, account: RemoteAccount) -> None:
    server.stop()
    with pytest.raises(KeysError, match="no answer from the signer") as raised:
        account.sign_message(DOMAIN.recipient("age1x"))
    assert "signed later" in str(raised.value.hint)
    server.start()
    assert account.sign_message(DOMAIN.recipient("age1x")).signature


def test_signer_without_the_key_is_refused_at_the_start(server: Web3Signer) -> None:
    with pytest.raises(KeysError, match=r"expected the key of 0x[0-9a-fA-F]{40} in the signer .*, found 2 others"):
        RemoteAccount(server.url, "0x" + "12" * 20)


def test_signer_whose_key_was_taken_away_refuses(server: Web3Signer, account: RemoteAccount) -> None:
    server._keys.clear()
    with pytest.raises(KeysError, match="refused with status 404"):
        account.sign_message(DOMAIN.recipient("age1x"))


def test_url_of_a_signer_is_shown_without_its_password() -> None:
    with pytest.raises(KeysError) as raised:
        RemoteAccount("http://user:word@127.0.0.1:1/path", oracle_account.address)
    assert "http://127.0.0.1:1" in raised.value.message
    assert "word" not in raised.value.message


def test_one_holder_of_the_key_is_named(server: Web3Signer, tmp_path: Path) -> None:
    write_vault(tmp_path, bytes(rival_account.key), PASSWORD)
    with pytest.raises(KeystoreInvalid, match="a signer and a keystore"):
        vault.open_with_signer(tmp_path, PASSWORD, server.url, oracle_account.address)
    (vault.folder_of(tmp_path) / "keystore.json").unlink()
    with pytest.raises(KeystoreInvalid, match="a signer without an address"):
        vault.open_with_signer(tmp_path, PASSWORD, server.url, None)
    opened = vault.open_with_signer(tmp_path, PASSWORD, server.url, oracle_account.address)
    assert opened.account is not None
    assert opened.account.address == oracle_account.address
