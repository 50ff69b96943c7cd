"""What a buyer holds of keys in escrow: the oracle's statement, kept before the buyer pays on it, and the key.

<folder>/<order id>-<start of the order's digest>.evidence.json    an ``EscrowEvidence``
<folder>/<order id>.key    age envelope of the key, which the seller sent because the oracle cannot

Earlier versions named the evidence by the order id alone, which a reorganisation can give to two orders.
"""

from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from eth_account.signers.local import LocalAccount
from pydantic import ValidationError

from assay import envelope
from assay.chain.port import Chain
from assay.chain.queries import is_signed_by
from assay.errors import EnvelopeInvalid, NodeUntrue, OracleMisbehaved
from assay.files import write_whole
from assay.protocol.evidence import EscrowEvidence
from assay.protocol.structs import Order, Status, key_hash
from assay.protocol.tree import ChunkProof

DIGEST_DIGITS = 40
"""Hex digits of an order's digest in a name."""


class EscrowRecords:
    """Evidence and keys of the orders of ``account``, in ``folder``; keys are encrypted to ``identity`` (age)."""

    def __init__(self, chain: Chain, account: LocalAccount, identity: str, folder: Path) -> None:
        self._chain = chain
        self._account = account
        self._identity = identity
        self._folder = folder

    def path(self, order: Order) -> Path:
        """Where the evidence of an order is kept."""
        return self._folder / f"{order.order_id().hex()}-{order.digest().hex()[:DIGEST_DIGITS]}.evidence.json"

    def acknowledge(self, order: Order, key_escrow: bytes) -> bytes:
        """The buyer's acknowledgement, signed on the oracle's statement; both are on disk when this returns.

        Raises:
            OracleMisbehaved: The model's oracle, as the chain names it now, did not sign ``key_escrow``.
        """
        oracle, domain = self._chain.model_state(order.model_id).oracle, self._chain.domain
        if oracle is None or not is_signed_by(self._chain, oracle, domain.key_escrow(order.digest()), key_escrow):
            raise OracleMisbehaved(
                f"expected the statement of the model's oracle {oracle} that it holds the key, got another signature",
                hint="nothing was acknowledged: the seller reveals the key on chain",
            )
        evidence = EscrowEvidence(
            domain=domain,
            oracle=oracle,
            order=order,
            key_escrow=key_escrow,
            acknowledgement=bytes(self._account.sign_message(domain.acknowledgement(order.digest())).signature),
        )
        if self._read(order) is None:
            self._write(evidence)
        return evidence.acknowledgement

    def key(self, order: Order, status: Status, key_envelope: str | None) -> bytes | None:
        """The key of an order out of the oracle's ``key_envelope``, or out of the seller's on disk; None before.

        Raises:
            OracleMisbehaved: The order is paid, and the envelope does not hold the key that it locks.
        """
        by_seller = self._folder / f"{order.order_id().hex()}.key"
        envelopes = [by_seller.read_text(errors="replace")] if by_seller.exists() else []
        envelopes += [key_envelope] if key_envelope else []
        for armored in envelopes:
            with suppress(EnvelopeInvalid):
                key = envelope.unwrap_key(self._identity, armored)
                if key_hash(order.order_id(), key) == order.key_hash:
                    return key
        if envelopes and status is Status.PAID:
            raise OracleMisbehaved(
                "the order is paid, and the envelope from the oracle does not hold the key that it locks",
                hint=f"keep {self.path(order)}, the oracle's signed statement; the seller has the key, too",
            )
        return None

    def revealed_key(self, order: Order) -> bytes | None:
        """The key of an order on chain; None while it is secret.

        Raises:
            NodeUntrue: The node names a key that the order does not lock.
        """
        key = self._chain.revealed_key(order.order_id())
        if key is not None and key_hash(order.order_id(), key) != order.key_hash:
            raise NodeUntrue(f"the key that order 0x{order.order_id().hex()} locks", "another")
        return key

    def accuse(self, order: Order, key: bytes, proof: ChunkProof) -> NoReturn:
        """Keeps what proves that the oracle's statement, on which the buyer paid, was false.

        Raises:
            OracleMisbehaved: Always.
        """
        evidence = self._read(order)
        if evidence is not None:
            self._write(evidence.model_copy(update={"key": key, "proof": proof}))
        raise OracleMisbehaved(
            f"the order is paid, and its key does not open chunk {proof.index}",
            hint=f"{self.path(order)} proves to anyone that the oracle's signed statement was false: "
            "EscrowEvidence.disproves"
            if evidence
            else "the payment was not made on the oracle's statement: nothing can be claimed",
        )

    def _read(self, order: Order) -> EscrowEvidence | None:
        for path in (self.path(order), self._folder / f"{order.order_id().hex()}.evidence.json"):
            with suppress(OSError, ValidationError):
                evidence = EscrowEvidence.model_validate_json(path.read_bytes())
                if evidence.order == order:
                    return evidence
        return None

    def _write(self, evidence: EscrowEvidence) -> None:
        write_whole(self.path(evidence.order), evidence.model_dump_json(indent=2).encode())
