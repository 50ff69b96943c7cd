"""What parties hand to one another apart from bodies in JSON: envelopes, ranges, signatures, proofs, ciphertexts.

An input is the name of a kind on a line of its own, and the message.
"""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any, BinaryIO

import numpy as np
from pydantic import ValidationError

from assay import envelope
from assay.errors import AssayError
from assay.protocol.evidence import DeliveryEvidence, EscrowEvidence
from assay.protocol.proof.key import VerificationKey
from assay.protocol.proof.proven import ProvenPrice
from assay.protocol.statements import Domain, signer_of
from assay_oracle.server.streaming import stream
from assay_pricing.blind.evaluator import BlindEvaluator
from assay_pricing.blind.form import SecretForm
from assay_pricing.blind.seller import BlindSeller
from assay_pricing.blind.shape import Shape

IDENTITY = "AGE-SECRET-KEY-1WGJJNU8D3QMXUWRAL3NN42KNDC388NPADVTC2GVW6ENSZFE40AKQ3KEPQE"
"""The envelopes of the corpus are for it."""
DOMAIN = Domain(chain_id=31337, contract="0x" + 39 * "0" + "1")
_SHAPE = Shape(features=1, outputs=1, sum_bits=8, row_bits=8, weight_bits=8, price_bits=40)


@cache
def _evaluator() -> BlindEvaluator:
    one = np.ones((1, 1), np.int64)
    return BlindEvaluator(SecretForm(_SHAPE, one, one, one), b"fuzzing", bytes(32))


def _stretched(message: bytes, size: int) -> bytes:
    """``message`` again and again, up to a length: other lengths are refused before anything is parsed."""
    return (message * (size // max(1, len(message)) + 1))[:size]


def _range(message: bytes) -> None:
    """Headers of a download: a range, and a tag on a line of its own."""
    span, _, tag = message.decode("latin-1").partition("\n")

    def opened() -> AbstractContextManager[BinaryIO]:
        return nullcontext(io.BytesIO(bytes(1000)))

    answer = stream(opened, 1000, span=span, if_range=tag or None)
    assert 0 < int(answer.headers["content-length"]) <= 1000


def _evidence(message: bytes) -> None:
    for kind in (EscrowEvidence, DeliveryEvidence):
        try:
            found: Any = kind.model_validate_json(message)
        except ValidationError:
            continue
        if isinstance(found, EscrowEvidence):
            found.is_signed()
            found.disproves()
        else:
            found.shows_another_chunk()


def _proven(message: bytes) -> None:
    statement = ProvenPrice.model_validate_json(message).statement
    assert len(statement.points) == 2
    assert len(statement.numbers) == 3


def _proof_key(message: bytes) -> None:
    assert VerificationKey.from_bytes(message).to_bytes() == message


def _blind_answer(message: bytes) -> None:
    """An oracle's answer to encrypted sums."""
    seller = BlindSeller(_SHAPE, b"fuzzing", bytes)
    rounds = _evaluator().rounds
    seller.second(message)
    seller.second(_stretched(message, rounds.first.response_size()))


KINDS: dict[bytes, Callable[[bytes], object]] = {
    b"key_envelope": lambda message: envelope.unwrap_key(IDENTITY, message.decode("utf-8", "replace")),
    b"envelope": lambda message: envelope.decrypt_with(IDENTITY, io.BytesIO(message), io.BytesIO()),
    b"recipient": lambda message: envelope.delivery_key_of(message.decode("utf-8", "replace")),
    b"delivery_key": envelope.recipient_of,
    b"signature": lambda message: signer_of(DOMAIN.recipient("age1"), message),
    b"range": _range,
    b"evidence": _evidence,
    b"proven": _proven,
    b"proof_key": _proof_key,
    b"blind_values": lambda message: _evaluator().doubled_price(
        bytes(32), bytes(32), _stretched(message, _evaluator().rounds.values_size)
    ),
    b"blind_sums": lambda message: _evaluator().first(_stretched(message, _evaluator().rounds.first.request_size())),
    b"blind_answer": _blind_answer,
}


_OF_FILES = (b"evidence", b"proven", b"proof_key")
"""Kinds whose parsers raise ``ValueError``: the command that reads the file names it."""


def check(content: bytes) -> None:
    """Reads the message of an input.

    Raises:
        Exception: A finding.
    """
    name, _, message = content.partition(b"\n")
    try:
        KINDS.get(name, len)(message)
    except AssayError:
        return
    except ValueError:
        if name not in _OF_FILES:
            raise
