"""Everything that Assay raises: one base to catch, a stable ``code``, and a hint where one helps.

AssayError
├── UsageError               an option, a file name or an amount is impossible
├── DiskError                the disk refuses: full, read-only, damaged
├── SettingsError            a setting is missing or impossible
├── SealError                sealed data
│   ├── NotSealedData        foreign file, impossible layout, impossible key
│   ├── SealedDataTruncated  bytes are missing, or too many
│   ├── CommitmentMismatch   the index is not what the root commits to
│   ├── ChunkMismatch        a chunk is not the committed one, or the key does not open it
│   ├── DataEmpty            nothing to seal
│   ├── DataChanged          the data changed while it was packed or sealed
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
│   ├── NodeUntrue           an answer of the node contradicts another one, or a hash
│   ├── ContractMissing      no settlement contract at that address
│   ├── ContractReverted     the contract refused; has the error's name and arguments
│   ├── FeeTooHigh           the node asks more for gas than the account's owner allows
│   ├── TransactionPending   sent, and not mined in time
│   └── TransactionFailed    mined and failed: the contract refused in the block
├── OracleError              talking to an oracle
│   ├── OracleUnreachable
│   ├── OracleRefused        the oracle answered with a Problem; has its code
│   └── OracleMisbehaved     an answer that breaks the protocol
└── SaleError                the sale cannot continue
    ├── OfferRefused         the data cannot be priced
    ├── QuoteExpired
    ├── RevealTooLate        too close to the deadline to reveal safely
    ├── ModelExists          the terms are registered, with another oracle
    ├── OrderDiffers         the order on chain is not the one that was agreed
    └── OrderMissing         the order is not on chain: not posted, or a reorganisation removed it
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Any, ClassVar


class ExitCode(IntEnum):
    """Exit status of a command, for scripts; ``meaning`` is its line in ``docs/cli.md``."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> "ExitCode":
        """A member by its value and its meaning."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    DONE = 0, "done; after `sell`: paid"
    FAILED = 1, "failed or refused: by the contract, the oracle, the node or the disk; after `sell`: not paid"
    USAGE = 2, "wrong use: an option, a file or a setting that cannot be; nothing was done"
    DECLINED = 3, "after `sell`: the data is worth nothing to the model, or the quote was declined; the offer has ended"
    QUOTED = 4, "after `sell`: the quote is open and not accepted; the same command accepts it later"
    WAITING = 5, "after `buy --once`: nothing failed, and an order is still open; run it again"
    EVIDENCE = 6, "after `buy --once`: data do not have the price that was proven; the evidence is on disk"
    INTERRUPTED = 130, "interrupted with Ctrl-C; the same command continues"


class AssayError(Exception):
    """Base of all errors. ``message`` says what was expected and what came, ``hint`` what to do."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def code(self) -> str:
        """Stable name: the class name in snake case."""
        return "".join("_" + c.lower() if c.isupper() else c for c in type(self).__name__).lstrip("_")


class UsageError(AssayError):
    """The call is impossible.

    A file is missing, would be overwritten or cannot be used; an option contradicts another.

    Remedy: as the message says.
    """

    exit_code = ExitCode.USAGE


class DiskError(AssayError):
    """The disk refuses to read or write: it is full, read-only or damaged, or its files belong to another account.

    A dispute that needs no room is sent nevertheless.

    Remedy: as the message says; then run the same command again.
    """


class SettingsError(AssayError):
    """A setting is missing or impossible.

    No deployment record for the chain, an oracle that is not the model's, or an oracle's URL without TLS.

    Remedy: set the option or the ``ASSAY_`` variable; deploy the contract; name the model's oracle.
    """

    exit_code = ExitCode.USAGE


class SealError(AssayError):
    """Base of the errors of sealed data."""


class NotSealedData(SealError):
    """Not a sealed file, one with an impossible layout, or a key that is not 32 bytes.

    Remedy: name the sealed file, or its key.
    """


class SealedDataTruncated(SealError):
    """Bytes of the sealed file are missing, or there are too many.

    Remedy: fetch or copy the file again.
    """


class CommitmentMismatch(SealError):
    """The index of the sealed file does not hash to its data root.

    Remedy: the file was altered: fetch it again.
    """


class ChunkMismatch(SealError):
    """A chunk is not the committed one, or the key does not open it.

    Remedy: fetch the file again. ``assay buy`` does, and disputes a chunk that the committed file itself does not hold.
    """


class DataEmpty(SealError):
    """There is no data to seal.

    Remedy: offer a file with records.
    """


class DataChanged(SealError):
    """The data changed while it was packed or sealed, or between two parts of it.

    Remedy: let the program that writes the file finish; then run the same command again.
    """


class DataTooLarge(SealError):
    """The data exceeds 256 GiB, the range of the cipher's block counter.

    Remedy: divide the data.
    """


class KeysError(AssayError):
    """A password is empty, a private-key file is not 32 bytes in hex, a key does not read back, or opens too slowly.

    Remedy: give a password; correct the file; check the disk; open the key on a faster machine.
    """


class KeystoreExists(KeysError):
    """A key would be overwritten.

    Remedy: choose another name, or another ``--home``.
    """


class KeystoreInvalid(KeysError):
    """The keystore or identity is missing, foreign or altered.

    Remedy: name the keystore, or restore it from a copy.
    """


class PasswordWrong(KeysError):
    """The password does not open the keystore; an altered identity looks the same.

    Remedy: try again, or restore the file from a copy.
    """


class EnvelopeInvalid(KeysError):
    """An age envelope is not for this identity, truncated or altered.

    Remedy: fetch it again.
    """


class StoreError(AssayError):
    """The local record of offers and orders cannot be read.

    Remedy: restore the folder from a copy.
    """


class KeyReused(StoreError):
    """A sealing key would serve two offers, and revealing it once would open both.

    Remedy: offer again under a fresh seal.
    """


class ChainError(AssayError):
    """The node refused for a reason of its own: no funds for gas, for example.

    Remedy: as the message says.
    """


class NodeUnreachable(ChainError):
    """No answer from the node.

    Remedy: start the node or correct the URL, then run the command again.
    """


class WrongChain(ChainError):
    """The node serves another chain than expected.

    Remedy: correct the URL or ``--chain``.
    """


class NodeUntrue(ChainError):
    """A node's answer contradicts another of its answers, another node, or the hash of what it answers with.

    Terms of another model, logs that were not asked for, or an order or a key that the contract's state does not have.

    Remedy: run the command again; if the error persists, use another node.
    """

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(
            f"expected {expected}, got {got} from the node",
            hint="a reorganisation came between two answers, or the node lags behind: run the same command again; if "
            "the error persists, the node does not tell the truth: use another one (--node)",
        )


class ContractMissing(ChainError):
    """No settlement contract, or another one, at the recorded address.

    Remedy: deploy the contract, or correct the record.
    """


class ContractReverted(ChainError):
    """The contract refused.

    ``error`` is its name in ``ISettlement.sol``, ``arguments`` its values by name.

    Remedy: see Contract.
    """

    def __init__(self, error: str, arguments: dict[str, Any], *, hint: str | None = None) -> None:
        shown = ", ".join(f"{name}={value}" for name, value in arguments.items())
        super().__init__(f"the contract refused: {error}({shown})", hint=hint)
        self.error = error
        self.arguments = arguments


class FeeTooHigh(ChainError):
    """The node asks more for a transaction's gas than ``max_fee``; nothing was sent.

    Remedy: wait until fees fall, or compare with another node. If the fee is right, raise ``max_fee``.
    """


class TransactionPending(ChainError):
    """The transaction was sent and not mined in time; it may still be mined.

    Remedy: look at the state (``assay orders``, ``assay model status``) before running the command again.
    """


class TransactionFailed(ChainError):
    """The transaction was mined and failed: it cost its gas and changed nothing.

    The state changed after the simulation, or a party's contract answered otherwise in the block. ``gas`` is what was
    used, in gas units; ``error`` is the contract's error where the call is repeated on the state after that block,
    or empty. This is a refusal: who sends again pays again.

    Remedy: look at the state (``assay orders``); the command takes another way where there is one.
    """

    def __init__(self, message: str, *, gas: int, error: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.gas = gas
        self.error = error


class OracleError(AssayError):
    """Base of the errors of talking to an oracle."""


class OracleUnreachable(OracleError):
    """No answer from the oracle.

    Remedy: run the command again when the oracle is back: it resumes.
    """


class OracleRefused(OracleError):
    """The oracle answered with a problem, whose stable name is ``problem``.

    Remedy: see Oracle.
    """

    def __init__(self, problem: str, message: str, *, status: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problem = problem
        self.status = status


class OracleMisbehaved(OracleError):
    """An answer breaks the protocol.

    A quote for other data, by another signer or at another price, or a file that does not match.

    Remedy: check the URL; otherwise do not accept, and tell the model's owner.
    """


class SaleError(AssayError):
    """The sale is not possible.

    The model is unknown here, accepts no quotes, or needs the receipt of a buyer that is a contract.

    Remedy: check the id and the chain; ask the model's owner; sell to another model, or pass ``--trust-wallet``.
    """


class OfferRefused(SaleError):
    """The data cannot be priced, or the accepted order cannot be posted.

    ``reason_code`` is the stable name of the cause.

    Remedy: see Oracle.
    """

    def __init__(self, reason_code: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason_code = reason_code


class QuoteExpired(SaleError):
    """The quote can no longer be posted, and the oracle did not renew it.

    Remedy: run the command again: same price, new expiry.
    """


class RevealTooLate(SaleError):
    """Too close to the deadline to reveal safely: the key might become public after the refund opens.

    Remedy: none; the key stays secret.
    """


class ModelExists(SaleError):
    """The terms are registered already, with another oracle than the given one, or halted.

    Remedy: replace the oracle (`assay model set-oracle`), or register a model of its own (`--salt`).
    """


class OrderDiffers(SaleError):
    """The order on chain is not the one that was agreed.

    Remedy: do not reveal; ask the oracle's operator.
    """


class OrderMissing(SaleError):
    """The order is not on chain: it was not posted, or a reorganisation removed it.

    Remedy: run the command again: the oracle posts it again.
    """


def listed_faults(faults: Iterable[Any], *, mark: str = "") -> str:
    """What pydantic found wrong (``error.errors()``), in one line: each place, behind ``mark``, and what it must be."""
    return "; ".join(f"{mark}{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
