"""What to do when the contract or a node refuses.

The contract's errors go by their names in ``ISettlement.sol``; ``docs/errors.md`` has their causes. Nodes have no
common codes: what they refuse shows in their words.
"""

import re

REMEDIES = {
    "ModelExists": "register the same offer again under another --salt",
    "ModelUnknown": "register the model first: assay model register",
    "ModelMismatch": "use the terms that the model was registered with",
    "ModelHalted": "the owner must name an oracle: assay model set-oracle",
    "CallerNotOwner": "use the keystore of the model's owner",
    "WindowOutOfBounds": "choose windows from 1 hour to 30 days",
    "ZeroAmount": "give an amount above zero",
    "ZeroAddress": "give an address",
    "ValueMismatch": "send exactly the amount named, in native coin only where the token is native",
    "TokenNotExact": "use a token that transfers exact amounts: no fees, no rebasing",
    "TokenNotContract": "check the token's address and the chain",
    "AmountTooLarge": "give a smaller amount",
    "BudgetTooSmall": "fund the model: assay model fund",
    "CreditTooSmall": "deposit the bond first: assay credit deposit",
    "TransferFailed": "withdraw to another account",
    "GasTooLow": "send the transaction with more gas",
    "OracleUnchanged": "name another oracle",
    "OracleRevoked": "a replaced oracle cannot be named again; name a new one",
    "OracleBondTooSmall": "the oracle must add to its bond: assay model bond",
    "OracleBondLocked": "wait until the bond unlocks",
    "OracleBondExiting": "wait for the exit, withdraw, and bond again",
    "NotEquivocation": "show two quotes of one pair that differ in price, seller or commitment",
    "QuoteExpired": "ask the oracle for the offer's state again: it renews its quote at the same price",
    "QuoteSignatureInvalid": "the oracle was replaced, or signed something else; ask for a new quote",
    "AcceptanceSignatureInvalid": "sign the acceptance with the key of the quote's seller",
    "BuyerSignatureInvalid": "the statement must be signed by the model's owner",
    "PriceOutOfBounds": "ask the oracle for a quote up to the model's highest price",
    "PairUsed": "offer other data: each pair of model and data is sold at most once",
    "OrderMismatch": "use the order as it was posted: assay orders",
    "SafeERC20FailedOperation": "hold and approve enough of the token",
    "StatusMismatch": "look at the order's state: assay orders",
    "DeadlinePassed": "nothing: the window is over",
    "DeadlineNotPassed": "wait until the deadline has passed",
    "KeyMismatch": "use the key that the acceptance locked",
    "LayoutInvalid": "use the sealed file's own layout",
    "ChunkIndexOutOfBounds": "name a chunk of the file",
    "ChunkLengthMismatch": "show the chunk whole",
    "ProofLengthMismatch": "make the proof from the sealed file that the order commits to",
    "CommitmentMismatch": "make the proof from the sealed file that the order commits to",
    "ChunkMatches": "the key opens this chunk: there is nothing to dispute",
    "BatchTooLarge": "send fewer at once",
    "LengthMismatch": "give one entry for each item",
}

_OF_NODES = {
    r"insufficient funds|doesn't have enough funds": "send native coin for gas to the account of the keystore",
    r"replacement transaction underpriced|nonce too low|already known|nonce .*(used|expected)": (
        "another command sends with the same key: wait until it has ended, then run this one again"
    ),
    r"pruned|history .*(unavailable|not available)|missing trie node|archive": (
        "use a node that keeps logs from the contract's deployment on: --node; or set `block` in the deployment "
        "record to the first block that the node keeps, and do without older models and orders"
    ),
    r"method .*(not found|not supported|not available|does not exist|not whitelisted|disabled)": (
        "use a node that serves this method: --node"
    ),
    r"unauthori[sz]ed|api.?key|forbidden|authenticat": "the node wants its key: --node with the whole URL",
    r"exceeds block gas limit|intrinsic gas|gas required exceeds": "use a chain with larger blocks",
    r"syncing|header not found|unknown block|block not found": "wait until the node has synchronised",
}
"""Remedies by what the messages of nodes have in common."""
_OF_STATUSES = {
    401: "the node wants its key: --node with the whole URL that its operator gave",
    403: "the node wants its key, or refuses this machine: --node with the whole URL that its operator gave",
    404: "check the path in the node's URL: --node",
}


def remedy_of_node(message: str, *, status: int = 0) -> str | None:
    """What to do when a node refuses with this message, or with this HTTP status; None if the message has to do."""
    if status:
        return _OF_STATUSES.get(status, "check the URL: it must be a node's JSON-RPC endpoint")
    return next((remedy for words, remedy in _OF_NODES.items() if re.search(words, message, re.I)), None)
