"""What seller, buyer and oracle do alike with the chain: a ``SettlementClient``, or what stands for one."""

from collections.abc import Callable
from typing import Any, Protocol

from eth_account.messages import SignableMessage

from assay.chain.values import Transaction
from assay.errors import ChainError, SaleError
from assay.protocol.statements import digest, signer_of
from assay.protocol.types import ModelTerms, Status


class Wallets(Protocol):
    """A chain that knows which accounts are contracts, and what those say of a signature."""

    def is_contract(self, account: str) -> bool: ...  # noqa: D102
    def is_valid_signature(self, account: str, digest: bytes, signature: bytes) -> bool: ...  # noqa: D102


def signed_by(chain: Wallets, account: str, message: SignableMessage, signature: bytes) -> bool:
    """Whether ``account`` signed: by its key, or as a contract wallet that says so (ERC-1271)."""
    if signer_of(message, signature) == account:
        return True
    return chain.is_contract(account) and chain.is_valid_signature(account, digest(message), signature)


def registered_terms(chain: Any, model_id: bytes) -> ModelTerms:
    """Terms of a registered model.

    Raises:
        SaleError: there is none with this id.
    """
    found: tuple[ModelTerms, str] | None = chain.model_terms(model_id)
    if found is None:
        raise SaleError(
            f"expected a registered model, found none with id 0x{model_id.hex()}",
            hint="check the id, and that this is the chain it was registered on",
        )
    return found[0]


def move_on(
    chain: Any, order_id: bytes, send: Callable[[], Transaction], *, seen: Status | None = None
) -> Transaction | None:
    """Sends what takes an order further; None where somebody else did it first, as anyone may.

    ``seen`` is the state in which the step was due, by
    default the present one.
    """
    before = chain.order_state(order_id).status if seen is None else seen
    try:
        return send()
    except ChainError:
        if chain.order_state(order_id).status is before:
            raise
        return None
