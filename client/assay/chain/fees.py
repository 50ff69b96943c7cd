"""What a transaction offers for its gas: a node names the price of gas, the account's owner the most that one may cost.

The bound is on gas limit times fee per gas, so that neither a price nor an estimate that a node names can exceed it.
"""

from web3.exceptions import Web3RPCError
from web3.types import RPCEndpoint, TxParams, Wei

from assay.amounts import amount_text
from assay.chain.node import Node
from assay.errors import FeeTooHigh

_GWEI = 10**9


def first_offer(node: Node, gas: int, most: int) -> TxParams:
    """What to offer for ``gas`` units: by EIP-1559 where blocks have a base fee, else one price.

    By EIP-1559 the offer leaves room for a base fee that doubles, as far as ``most`` (base units of the native coin)
    allows.

    Raises:
        FeeTooHigh: What the node asks now exceeds ``most``.
    """
    web3 = node.web3
    base = web3.eth.get_block("latest").get("baseFeePerGas")
    tip = web3.eth.gas_price if base is None else _tip(node, base)
    asked = (base or 0) + tip
    if gas * asked > most:
        raise FeeTooHigh(
            f"expected a fee of at most {amount_text(most)} for one transaction, the node at {node.url} asks "
            f"{amount_text(gas * asked)}: {asked} wei for each of {gas} units of gas",
            hint="wait until fees fall, or compare with another node (--node); if the fee is right, raise max_fee: "
            "--max-fee, ASSAY_MAX_FEE or config.toml; of an oracle, ASSAY_ORACLE_MAX_FEE or its configuration",
        )
    if base is None:
        return {"gasPrice": Wei(asked)}
    return {"maxFeePerGas": Wei(min(base + asked, most // gas)), "maxPriorityFeePerGas": Wei(tip)}


def raised(transaction: TxParams, most: int) -> TxParams | None:
    """``transaction`` for twice the fee and tip, or as far as ``most`` allows; None at the most.

    A node takes the place of a transaction by one whose fee and tip are both higher by an eighth at least.
    """
    highest = most // int(transaction["gas"])
    dearer: TxParams = {**transaction}
    for name in ("gasPrice", "maxFeePerGas", "maxPriorityFeePerGas"):
        if name in transaction:
            before = int(transaction[name])
            dearer[name] = Wei(min(2 * before, highest))
            if 8 * int(dearer[name]) < 9 * before:
                return None
    return dearer


def displacing(transaction: TxParams, most: int) -> TxParams | None:
    """``transaction`` for twice the fee, or ``most``, with four times the tip; None if that is no higher offer.

    A node compares fee and tip with those of the transaction in its place, which are not known.
    """
    highest = most // int(transaction["gas"])
    if "gasPrice" in transaction:
        price = min(2 * int(transaction["gasPrice"]), highest)
        return {**transaction, "gasPrice": Wei(price)} if price > int(transaction["gasPrice"]) else None
    fee, tip = int(transaction["maxFeePerGas"]), int(transaction["maxPriorityFeePerGas"])
    dearer = min(2 * fee, highest), min(max(4 * tip, _GWEI), 2 * fee, highest)
    if dearer == (fee, tip):
        return None
    return {**transaction, "maxFeePerGas": Wei(dearer[0]), "maxPriorityFeePerGas": Wei(dearer[1])}


def _tip(node: Node, base: int) -> int:
    try:
        named = node.web3.manager.request_blocking(RPCEndpoint("eth_maxPriorityFeePerGas"), [])
        return int(str(named), 16)
    except Web3RPCError:
        return max(node.web3.eth.gas_price - base, 0) or _GWEI
