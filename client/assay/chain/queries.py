"""What seller, buyer and oracle ask of a ``Chain`` in the same words."""

from collections.abc import Callable

from eth_account.messages import SignableMessage

from assay.chain.port import Chain
from assay.chain.values import OrderState, Transaction
from assay.errors import ChainError, NodeUntrue, SaleError
from assay.protocol.statements import digest, signer_of
from assay.protocol.structs import ModelTerms, Order, Status
from assay.protocol.types import ModelId, OrderId


def current_time(chain: Chain, clock: Callable[[], int] | None = None) -> int:
    """Unix time to keep deadlines by: of the latest block, or of ``clock`` if that is later.

    The contract judges by the block's time. That time stands still while a chain or a node does; then ``clock`` tells
    how late it really is.
    """
    block_time = chain.block_time()
    return max(block_time, clock()) if clock else block_time


def is_signed_by(chain: Chain, account: str, message: SignableMessage, signature: bytes) -> bool:
    """Whether ``account`` signed ``message``: with its key, or as a wallet contract (ERC-1271)."""
    if signer_of(message, signature) == account:
        return True
    return chain.is_contract(account) and chain.is_valid_signature(account, digest(message), signature)


def registered_terms(chain: Chain, model_id: ModelId) -> ModelTerms:
    """Terms of a registered model.

    Raises:
        SaleError: No model with this id is registered.
    """
    found = chain.model_terms(model_id)
    if found is None:
        raise SaleError(
            f"expected a registered model, found none with id 0x{model_id.hex()}",
            hint="check the id, and that this is the chain it was registered on",
        )
    return found[0]


def state_of(chain: Chain, order: Order) -> OrderState:
    """State of an order that a log or the disk shows, compared with what the contract has of its digest.

    ``Status.NONE`` is the state of an order that is not posted, or that a reorganisation removed.

    Raises:
        NodeUntrue: The contract has another order for the pair.
    """
    state = chain.order_state(order.order_id())
    if state.status is not Status.NONE and state.digest != order.stored_digest():
        raise NodeUntrue(
            f"order 0x{order.order_id().hex()} with a digest that ends in 0x{state.digest.hex()}",
            f"one whose digest ends in 0x{order.stored_digest().hex()}",
        )
    return state


def send_unless_done(
    chain: Chain, order_id: OrderId, send: Callable[[], Transaction], *, seen: Status | None = None
) -> Transaction | None:
    """Calls ``send``, which moves an order out of state ``seen``, by default the present one.

    Returns:
        The transaction; None if the call failed because someone else already moved the order out of that state.

    Raises:
        ChainError: The call failed, and the order is still in that state.
    """
    before = chain.order_state(order_id).status if seen is None else seen
    try:
        return send()
    except ChainError:
        if chain.order_state(order_id).status is before:
            raise
        return None
