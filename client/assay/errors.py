"""Everything that Assay raises: one base to catch, a stable ``code``, and a hint where one helps.

AssayError
├── UsageError               the call cannot be meant: an option, a file name, an amount
├── SettingsError            a setting is missing or impossible
├── SealError                sealed data
│   ├── NotSealedData        foreign file, impossible layout, impossible key
│   ├── SealedDataTruncated  bytes are missing, or too many
│   ├── CommitmentMismatch   the index is not what the root commits to
│   ├── ChunkMismatch        a chunk is not the committed one, or the key does not open it
│   ├── DataEmpty            nothing to seal
│   └── DataTooLarge         more than the cipher's counter can number
├── KeysError                keystores, identities and envelopes
│   ├── KeystoreExists       a key would be overwritten
│   ├── KeystoreInvalid      missing, foreign or altered
│   ├── PasswordWrong
│   └── EnvelopeInvalid      not for this identity, foreign or altered
├── StoreError               the local record of offers and orders
│   └── KeyReused            a sealing key would serve twice
├── ChainError               talking to a chain
│   ├── NodeUnreachable
│   ├── WrongChain           the node serves another chain than expected
│   ├── ContractMissing      no settlement contract at that address
│   ├── ContractReverted     the contract refused; has the error's name and arguments
│   └── TransactionPending   sent, and not mined in time
├── OracleError              talking to an oracle
│   ├── OracleUnreachable
│   ├── OracleRefused        the oracle answered with a Problem; has its code
│   └── OracleMisbehaved     an answer that breaks the protocol
└── SaleError                the sale cannot go on
    ├── OfferRefused         the data cannot be priced
    ├── QuoteExpired
    ├── RevealTooLate        too close to the deadline to reveal safely
    ├── OrderDiffers         the order on chain is not the one that was agreed
    └── OrderMissing         the order is not on chain: not posted, or a reorganisation removed it
"""

from typing import Any


class AssayError(Exception):
    """Base of all. ``message`` says what was expected and what came, ``hint`` what to do."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def code(self) -> str:
        """Stable name: the class name in snake case."""
        return "".join("_" + c.lower() if c.isupper() else c for c in type(self).__name__).lstrip("_")


class UsageError(AssayError):
    """The call cannot be meant."""


class SettingsError(AssayError):
    """A setting is missing or impossible."""


class SealError(AssayError):
    """Sealed data is not what it should be."""


class NotSealedData(SealError):
    """Not a sealed file, or one with an impossible layout."""


class SealedDataTruncated(SealError):
    """Bytes are missing, or there are too many."""


class CommitmentMismatch(SealError):
    """The index is not what the root commits to."""


class ChunkMismatch(SealError):
    """A chunk is not the committed one, or the key does not open it."""


class DataEmpty(SealError):
    """There is nothing to seal."""


class DataTooLarge(SealError):
    """More bytes than the cipher can number."""


class KeysError(AssayError):
    """Keystores, identities and envelopes."""


class KeystoreExists(KeysError):
    """A key would be overwritten."""


class KeystoreInvalid(KeysError):
    """Missing, foreign or altered."""


class PasswordWrong(KeysError):
    """The password does not open the keystore."""


class EnvelopeInvalid(KeysError):
    """An age envelope that is not for this identity, or is foreign or altered."""


class StoreError(AssayError):
    """The local record of offers and orders."""


class KeyReused(StoreError):
    """A sealing key would serve two offers, and revealing it once would open both."""


class ChainError(AssayError):
    """Talking to a chain."""


class NodeUnreachable(ChainError):
    """No answer from the node."""


class WrongChain(ChainError):
    """The node serves another chain than expected."""


class ContractMissing(ChainError):
    """No settlement contract, or another one, at the address."""


class ContractReverted(ChainError):
    """The contract refused.

    ``error`` is its name in ``ISettlement.sol``, ``arguments`` its values by name.
    """

    def __init__(self, error: str, arguments: dict[str, Any], *, hint: str | None = None) -> None:
        shown = ", ".join(f"{name}={value}" for name, value in arguments.items())
        super().__init__(f"the contract refused: {error}({shown})", hint=hint)
        self.error = error
        self.arguments = arguments


class TransactionPending(ChainError):
    """Sent, and not mined in time."""


class OracleError(AssayError):
    """Talking to an oracle."""


class OracleUnreachable(OracleError):
    """No answer from the oracle."""


class OracleRefused(OracleError):
    """The oracle answered with a problem, whose stable name is ``problem``."""

    def __init__(self, problem: str, message: str, *, status: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problem = problem
        self.status = status


class OracleMisbehaved(OracleError):
    """An answer that breaks the protocol: a foreign signature, another root, another price."""


class SaleError(AssayError):
    """The sale cannot go on."""


class OfferRefused(SaleError):
    """The oracle cannot price the data; ``reason_code`` is the stable name of why."""

    def __init__(self, reason_code: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason_code = reason_code


class QuoteExpired(SaleError):
    """The quote can no longer be posted."""


class RevealTooLate(SaleError):
    """Too close to the deadline to reveal safely: the key might become public after the refund opens."""


class OrderDiffers(SaleError):
    """The order on chain is not the one that was agreed."""


class OrderMissing(SaleError):
    """The order is not on chain: it was not posted, or a reorganisation removed it."""
