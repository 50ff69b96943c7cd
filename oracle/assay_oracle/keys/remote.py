"""An account whose key is in another process or machine: Web3Signer's HTTP API in its mode ``eth1``.

``POST /api/v1/eth1/sign/{public key}`` with ``{"data": "0x..."}`` answers with a signature in hex, r, s and v (27 or
28), over the Keccak-256 of the data. So the data of a statement are what EIP-712 hashes, and those of a transaction its
unsigned encoding. Both are signed by this one call. What comes back counts only if it recovers to the account.
"""

import json
from typing import Any

import rlp
from eth_account import Account
from eth_account.datastructures import SignedMessage, SignedTransaction
from eth_account.messages import SignableMessage
from eth_keys.datatypes import PublicKey, Signature
from eth_keys.exceptions import BadSignature
from eth_typing import ChecksumAddress
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError
from hexbytes import HexBytes

from assay.bounded_http import Answer, BadAnswer, BoundedHttp, NoAnswer, Transport
from assay.errors import KeysError

SIGN_SECONDS = 10.0
"""Time for one signature."""
_MOST_ANSWER_BYTES = 2**20
_DYNAMIC_FEE = b"\x02"
"""Type of a transaction with a fee and a tip (EIP-1559)."""


class RemoteAccount:
    """The account at ``address``, whose key the signer at ``url`` holds; ``transport`` is of a signer in this process.

    Raises:
        KeysError: The signer does not answer, or does not hold the key.
    """

    def __init__(self, url: str, address: str, *, transport: Transport | None = None) -> None:
        self.address: ChecksumAddress = to_checksum_address(address)
        self._url = url.rstrip("/")
        self._http = BoundedHttp(self._url, transport=transport)
        self._identifier = self._find()

    def sign_message(self, message: SignableMessage) -> SignedMessage:
        """The signature over a statement, as ``LocalAccount.sign_message`` makes it.

        Raises:
            KeysError: The signer does not answer, refuses, or signs with another key.
        """
        preimage = b"\x19" + message.version + message.header + message.body
        r, s, odd = self._sign(preimage)
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + odd])
        return SignedMessage(HexBytes(keccak(preimage)), r, s, 27 + odd, HexBytes(signature))

    def sign_transaction(self, transaction_dict: Any, /) -> SignedTransaction:
        """The signed transaction: by EIP-1559, or with one price of gas by EIP-155.

        Raises:
            KeysError: As ``sign_message``.
        """
        fields = transaction_dict
        what = [to_canonical_address(fields["to"]), int(fields["value"]), bytes(HexBytes(fields["data"]))]
        number, gas, chain = int(fields["nonce"]), int(fields["gas"]), int(fields["chainId"])
        if "gasPrice" in fields:
            plain = [number, int(fields["gasPrice"]), gas, *what]
            r, s, odd = self._sign(rlp.encode([*plain, chain, 0, 0]))
            v = 35 + 2 * chain + odd
            raw = rlp.encode([*plain, v, r, s])
        else:
            fees = [int(fields["maxPriorityFeePerGas"]), int(fields["maxFeePerGas"])]
            typed = [chain, number, *fees, gas, *what, []]
            r, s, v = self._sign(_DYNAMIC_FEE + rlp.encode(typed))
            raw = _DYNAMIC_FEE + rlp.encode([*typed, v, r, s])
        if Account.recover_transaction(raw) != self.address:
            raise KeysError(f"expected a transaction of {self.address}, made another one; nothing was sent")
        return SignedTransaction(HexBytes(raw), HexBytes(keccak(raw)), r, s, v)

    def _sign(self, data: bytes) -> tuple[int, int, int]:
        """r, s and the parity of a signature over the Keccak-256 of ``data``."""
        body = json.dumps({"data": "0x" + data.hex()}).encode()
        answer = self._ask("POST", f"/api/v1/eth1/sign/{self._identifier}", content=body)
        try:
            signature = bytes.fromhex(answer.body.decode("ascii").strip().removeprefix("0x"))
            r, s, odd = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:64], signature[64:]))
            made = Signature(vrs=(odd - 27, r, s))
            signer = made.recover_public_key_from_msg_hash(keccak(data)).to_checksum_address()
        except (ValueError, BadSignature, ValidationError):
            signer = None
        if signer != self.address:
            raise KeysError(
                f"expected a signature of {self.address} over the Keccak-256 of the data, the signer at {self._shown} "
                "made another one; it was not used",
                hint="the signer must be Web3Signer in mode eth1, or one with the same API",
            )
        return r, s, odd - 27

    def _find(self) -> str:
        """The public key of the account, by which the signer knows it."""
        self._ask("GET", "/upcheck")
        try:
            listed = json.loads(self._ask("GET", "/api/v1/eth1/publicKeys").body)
            for key in listed:
                public = PublicKey(bytes.fromhex(key.removeprefix("0x"))[-64:])
                if public.to_checksum_address() == self.address:
                    return str(key)
        except (ValueError, TypeError, AttributeError, ValidationError):
            listed = []
        raise KeysError(
            f"expected the key of {self.address} in the signer at {self._shown}, found {len(listed)} others",
            hint="load the key into the signer, or correct signer_address",
        )

    def _ask(self, method: str, path: str, **options: Any) -> Answer:
        if "content" in options:
            options["headers"] = {"Content-Type": "application/json"}
        try:
            answer = self._http.ask(method, self._url + path, within=SIGN_SECONDS, most=_MOST_ANSWER_BYTES, **options)
        except (NoAnswer, BadAnswer) as error:
            raise KeysError(
                f"no answer from the signer at {self._shown}: {error}",
                hint="start it or correct `signer`; nothing is signed meanwhile, and what waits is signed later",
            ) from None
        if answer.status != 200:
            raise KeysError(
                f"expected the signer at {self._shown} to answer {path.partition('/sign/')[0]}, it refused with "
                f"status {answer.status}",
                hint="404: it does not hold the key; 400 and 403: its log says why",
            )
        return answer

    @property
    def _shown(self) -> str:
        """Its URL without a user, a password or a query."""
        scheme, _, rest = self._url.partition("://")
        return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}"
