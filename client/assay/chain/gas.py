"""Gas that a transaction may use at most, by the contract's function, and what its gas may cost.

Some functions call code that another party chose: a wallet's check of a signature (ERC-1271), a token, a payee. What
that code does in a simulation it need not do in a block. So the bound is fixed, and never follows from an estimate.
"""

OWN_GAS = 100_000
"""For the contract's own code, more than any function without a loop needs (``docs/gas.md``)."""
WALLET_GAS = 250_000
"""For a wallet's check of one signature: a Safe uses some 10,000 for each owner, a P-256 check in Solidity 200,000."""
PAYEE_GAS = 120_000
"""For a payment to a payee: ``PUSH_RESERVE`` of the contract, which gives the payee or the token 100,000 of it."""
TOKEN_GAS = 300_000
"""For a transfer or an approval by a token, and for a payment to a receiver that the sender chose."""

GAS_LIMITS = {
    "fund": OWN_GAS + TOKEN_GAS,
    "withdraw": OWN_GAS + TOKEN_GAS,
    "deposit": OWN_GAS + TOKEN_GAS,
    "withdrawCredit": OWN_GAS + TOKEN_GAS,
    "bondOracle": OWN_GAS + TOKEN_GAS,
    "approve": TOKEN_GAS,
    "reportEquivocation": OWN_GAS + 2 * WALLET_GAS,
    "post": OWN_GAS + 2 * WALLET_GAS,
    "revealKey": OWN_GAS + WALLET_GAS,
    "settle": OWN_GAS + WALLET_GAS + PAYEE_GAS,
    "finalize": OWN_GAS + PAYEE_GAS,
}
"""The other functions call no code of others, or only with a bound that the contract sets."""

DEFAULT_MAX_FEE = 2 * 10**17
"""The most that the gas of one transaction may cost: 0.2 of the native coin. On Ethereum a reveal, with a gas limit of
some 100,000, may then pay 2,000 gwei for a unit of gas, and the dearest dispute, with 671,000, some 300 gwei. Rollups
and local chains are far below. On a chain whose coin is worth little, the owner of the account raises it."""
