"""What an oracle holds for the two sides of an order; of a committee, what its members hold together."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

from eth_account.messages import SignableMessage

from assay import envelope
from assay.chain.port import Chain
from assay.chain.queries import is_signed_by
from assay.errors import EnvelopeInvalid
from assay.oracle.api import OracleClient
from assay.oracle.committee import Committee
from assay.protocol.messages import OrderRecord
from assay.protocol.structs import Order, key_hash
from assay.protocol.types import ModelId
from assay.sale.trust import signers_of

PATIENCE = 10.0
"""Seconds for which the other members of a committee are waited for once one has answered."""

T = TypeVar("T")


class OrderRecords:
    """The records of a party's orders.

    Of what the members of a committee answer, only what proves itself counts: a key that the order locks, a statement
    that the buyer signed, and one that enough members signed.

    Args:
        chain: The settlement contract.
        committee: Asked by the party.
        identity: Age identity of the buyer's delivery key; None for a seller.
    """

    def __init__(self, chain: Chain, committee: Committee, identity: str | None = None) -> None:
        self._chain = chain
        self._committee = committee
        self._identity = identity

    @property
    def members(self) -> Sequence[OracleClient]:
        """The daemons that are asked."""
        return self._committee.members

    def record(self, order: Order) -> OrderRecord:
        """What is held for an order.

        Raises:
            OracleError: No daemon answers, or the one that is asked refuses.
        """
        order_id = order.order_id()
        found = self._ask(lambda member: member.order(order_id))
        return self._joined(order, found) if len(self.members) > 1 else found[0]

    def put_receipt(self, order: Order, signature: bytes) -> None:
        """Stores the buyer's receipt at every member that answers; raises as ``record``."""
        order_id = order.order_id()
        self._ask(lambda member: member.put_receipt(order_id, signature))

    def put_acknowledgement(self, order: Order, signature: bytes) -> None:
        """Stores the buyer's acknowledgement at every member that answers; raises as ``record``."""
        order_id = order.order_id()
        self._ask(lambda member: member.put_acknowledgement(order_id, signature))

    def max_chunk_size(self, model_id: ModelId) -> int:
        """Bytes of a sealed chunk that the model takes: of what members say, the largest that enough of them take."""
        sizes = sorted(self._ask(lambda member: member.model(model_id).max_chunk_size), reverse=True)
        return sizes[min(self._threshold(model_id), len(sizes)) - 1]

    def _ask(self, act: Callable[[OracleClient], T]) -> list[T]:
        return self._committee.ask(act, within=PATIENCE).values

    def _threshold(self, model_id: ModelId) -> int:
        """Number of members that sign together; 1 for an oracle alone, and while the model is halted."""
        if len(self.members) == 1 or self._chain.model_state(model_id).oracle is None:
            return 1
        return signers_of(self._chain, model_id).threshold

    def _joined(self, order: Order, found: Sequence[OrderRecord]) -> OrderRecord:
        domain, order_digest = self._chain.domain, order.digest()
        envelopes = (record.key_envelope for record in found if record.key_envelope)
        return found[0].model_copy(
            update={
                "sealed_bytes": max(record.sealed_bytes for record in found),
                "key_escrow": self._key_escrow(order, found),
                "key_envelope": next((each for each in envelopes if self._opens(order, each)), None),
                "receipt": self._signed(order, domain.receipt(order_digest), found, lambda record: record.receipt),
                "acknowledgement": self._signed(
                    order, domain.acknowledgement(order_digest), found, lambda record: record.acknowledgement
                ),
            }
        )

    def _key_escrow(self, order: Order, found: Sequence[OrderRecord]) -> bytes | None:
        """The committee's statement that it holds the key, joined of those of its members; None if they are too few."""
        if self._identity is None or self._chain.model_state(order.model_id).oracle is None:
            return None
        signers, message = signers_of(self._chain, order.model_id), self._chain.domain.key_escrow(order.digest())
        stated = [record.key_escrow for record in found if record.key_escrow]
        signed = {signers.signer(message, signature): signature for signature in stated}
        return signers.joined({owner: signature for owner, signature in signed.items() if owner is not None})

    def _signed(
        self,
        order: Order,
        message: SignableMessage,
        found: Iterable[OrderRecord],
        of: Callable[[OrderRecord], bytes | None],
    ) -> bytes | None:
        """The first signature of the buyer among those that members hold."""
        held = {signature for record in found if (signature := of(record))}
        return next((each for each in held if is_signed_by(self._chain, order.buyer, message, each)), None)

    def _opens(self, order: Order, armored: str) -> bool:
        """Whether an envelope holds the key that the order locks."""
        with suppress(EnvelopeInvalid):
            key = envelope.unwrap_key(self._identity, armored) if self._identity else b""
            return key_hash(order.order_id(), key) == order.key_hash
        return False
