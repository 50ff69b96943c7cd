"""EIP-712: the statements that are signed in a sale, their signers, and how a signature is verified.

The oracle signs ``Recipient``, the age recipient that data is encrypted for, and the data owner signs ``Offer`` to open
an offer. The oracle signs ``Quote``, and the data owner signs ``Acceptance`` to sell at it. For a posted order the
oracle signs ``KeyEscrow``: it holds the key that opens every chunk. The model owner may sign ``Receipt`` (the sealed
file arrived and matches), and ``Acknowledgement`` to pay. Either side signs ``Login`` to be answered about its own
offers and orders. ``Recipient``, ``Offer``, ``BlindQuote``, ``KeyEscrow`` and ``Login`` stay off the chain.
The domain has the chain id and the contract, so that a statement is valid nowhere else.
"""

from typing import Any
from urllib.parse import urlsplit

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils.crypto import keccak
from pydantic import Field

from assay.protocol.messages import BlindQuote
from assay.protocol.structs import Quote
from assay.protocol.types import Address, ModelId, Value

DOMAIN_NAME = "Assay"
DOMAIN_VERSION = "1"
SIGNATURE_BYTES = 65
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of secp256k1 (SEC 2, section 2.4.1)."""
_DEFAULT_PORTS = {"http": 80, "https": 443}

_TYPES: dict[str, list[dict[str, str]]] = {
    "Recipient": [{"name": "recipient", "type": "string"}],
    "Offer": [
        {"name": "modelId", "type": "bytes32"},
        {"name": "seller", "type": "address"},
        {"name": "dataRoot", "type": "bytes32"},
        {"name": "nonce", "type": "bytes32"},
    ],
    "Quote": [
        {"name": "modelId", "type": "bytes32"},
        {"name": "contentId", "type": "bytes32"},
        {"name": "seller", "type": "address"},
        {"name": "dataRoot", "type": "bytes32"},
        {"name": "price", "type": "uint256"},
        {"name": "expiry", "type": "uint256"},
        {"name": "evaluation", "type": "bytes32"},
    ],
    "BlindQuote": [
        {"name": "modelId", "type": "bytes32"},
        {"name": "seller", "type": "address"},
        {"name": "dataRoot", "type": "bytes32"},
        {"name": "records", "type": "uint256"},
        {"name": "price", "type": "uint256"},
        {"name": "expiry", "type": "uint256"},
    ],
    "Acceptance": [{"name": "quoteDigest", "type": "bytes32"}, {"name": "keyHash", "type": "bytes32"}],
    "KeyEscrow": [{"name": "orderDigest", "type": "bytes32"}],
    "Receipt": [{"name": "orderDigest", "type": "bytes32"}],
    "Acknowledgement": [{"name": "orderDigest", "type": "bytes32"}],
    "Login": [
        {"name": "account", "type": "address"},
        {"name": "oracle", "type": "string"},
        {"name": "nonce", "type": "bytes32"},
    ],
}


class Domain(Value):
    """Where signatures are valid: one contract on one chain."""

    chain_id: int = Field(gt=0)
    contract: Address

    def _message(self, primary: str, message: dict[str, Any]) -> SignableMessage:
        return encode_typed_data(
            domain_data={
                "name": DOMAIN_NAME,
                "version": DOMAIN_VERSION,
                "chainId": self.chain_id,
                "verifyingContract": self.contract,
            },
            message_types={primary: _TYPES[primary]},
            message_data=message,
        )

    def for_safe(self, safe: str, statement: bytes) -> SignableMessage:
        """What an owner of the Safe at ``safe`` signs for the digest of a ``statement``, 32 bytes: ``SafeMessage``.

        Source: ``CompatibilityFallbackHandler.sol`` of Safe 1.5.0.
        """
        return encode_typed_data(
            domain_data={"chainId": self.chain_id, "verifyingContract": safe},
            message_types={"SafeMessage": [{"name": "message", "type": "bytes"}]},
            message_data={"message": statement},
        )

    def recipient(self, recipient: str) -> SignableMessage:
        """Signed by the oracle, so that no third party can pass its own recipient off as the oracle's."""
        return self._message("Recipient", {"recipient": recipient})

    def offer(self, model_id: ModelId, seller: str, data_root: bytes, nonce: bytes) -> SignableMessage:
        """Signed by the data owner to offer data. Its digest is the offer's id."""
        return self._message("Offer", {"modelId": model_id, "seller": seller, "dataRoot": data_root, "nonce": nonce})

    def quote(self, quote: Quote) -> SignableMessage:
        """Signed by the oracle: the price of the offered data."""
        return self._message(
            "Quote",
            {
                "modelId": quote.model_id,
                "contentId": quote.content_id,
                "seller": quote.seller,
                "dataRoot": quote.data_root,
                "price": quote.price,
                "expiry": quote.expiry,
                "evaluation": quote.evaluation,
            },
        )

    def blind_quote(self, quote: BlindQuote) -> SignableMessage:
        """Signed by the oracle: the price of data that it has not seen; never on chain."""
        return self._message("BlindQuote", blind_fields(quote))

    def acceptance(self, quote_digest: bytes, key_hash: bytes) -> SignableMessage:
        """Signed by the data owner to sell at the quote's price."""
        return self._message("Acceptance", {"quoteDigest": quote_digest, "keyHash": key_hash})

    def key_escrow(self, order_digest: bytes) -> SignableMessage:
        """Signed by the oracle: it holds the key that the order's hash locks, and the key opens every chunk.

        It hands the key to the buyer once the order is paid (key escrow, as in optimistic fair exchange: Asokan, Shoup
        and Waidner 1998).
        """
        return self._message("KeyEscrow", {"orderDigest": order_digest})

    def receipt(self, order_digest: bytes) -> SignableMessage:
        """Signed by the model owner once the sealed file is downloaded and matches its commitment."""
        return self._message("Receipt", {"orderDigest": order_digest})

    def acknowledgement(self, order_digest: bytes) -> SignableMessage:
        """Signed by the model owner to pay at once, on the oracle's ``KeyEscrow`` or once the file is open."""
        return self._message("Acknowledgement", {"orderDigest": order_digest})

    def login(self, account: str, oracle: str, nonce: bytes) -> SignableMessage:
        """Signed by a party that asks the oracle at ``oracle``, an ``audience``, about what is its own.

        An oracle that passes the statement on to another one does not become the party there.
        """
        return self._message("Login", {"account": account, "oracle": oracle, "nonce": nonce})


def blind_fields(quote: BlindQuote) -> dict[str, Any]:
    """The fields of a blind quote by name."""
    return {
        "modelId": quote.model_id,
        "seller": quote.seller,
        "dataRoot": quote.data_root,
        "records": quote.records,
        "price": quote.price,
        "expiry": quote.expiry,
    }


def encoded(kind: str, message: dict[str, Any]) -> bytes:
    """The hash of a statement's type, and its fields, as EIP-712 encodes them: what its struct hash is the hash of.

    Args:
        kind: Name of the statement's type.
        message: Its fields by name.
    """
    fields = _TYPES[kind]
    named = ",".join(f"{field['type']} {field['name']}" for field in fields)
    values = [message[field["name"]] for field in fields]
    hashed = [keccak(text=v) if field["type"] == "string" else v for field, v in zip(fields, values, strict=True)]
    types = [field["type"].replace("string", "bytes32") for field in fields]
    return keccak(text=f"{kind}({named})") + encode(types, hashed)


def audience(url: str) -> str:
    """The base URL of an oracle in the form that is signed: in lower case, without default port and last slash.

    Raises:
        ValueError: It is no URL.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"expected a base URL, https:// or http://, got {url!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def digest(message: SignableMessage) -> bytes:
    """The 32 bytes that are signed: ``keccak256(0x19 0x01 || domain || struct)``."""
    return keccak(b"\x19" + message.version + message.header + message.body)


def signer_of(message: SignableMessage, signature: bytes) -> str | None:
    """Address whose key made ``signature``; None if the contract would refuse it. Wallet contracts are asked on chain.

    The rule is that of ``contracts/libraries/Signatures.sol``: 65 bytes ``r || s || v``, ``s`` in the lower half of the
    curve's order (EIP-2), ``v`` 27 or 28. A laxer rule here would act on statements that the contract refuses later.
    """
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (27, 28):
        return None
    if int.from_bytes(signature[32:64], "big") > CURVE_ORDER // 2:
        return None
    try:
        return str(Account.recover_message(message, signature=signature))
    except Exception:
        return None
