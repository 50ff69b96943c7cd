"""Influence by record on ciphertexts of CKKS, the idea of TIP (arXiv 2512.06033), on the same data.

A linear model W with squared loss, and the vector V that influence functions multiply a record's gradient with: a
record's influence is ``<x W - y, x V>``. One ciphertext holds one feature, or one class of y, of 4,096 records.
"""

import time
from dataclasses import dataclass

import numpy as np
import seal

from assay_bench.figures import Floats, spearman

DEGREE = 8192
SLOTS = DEGREE // 2
_PRIMES = (50, 40, 40, 50)
_SCALE = 2.0**40
_NOTHING = 2.0**-30
"""In place of a factor 0, because SEAL refuses a product with nothing."""


@dataclass(frozen=True)
class Influences:
    """One batch of records.

    Attributes:
        seconds: To encrypt, evaluate and decrypt, for each record.
        bytes_up: For each record, without the relinearisation key.
        bytes_down: Of the encrypted influences of all records.
        key_bytes: The relinearisation key.
        values: Influence of each record, (n,), decrypted.
        agreement: Spearman's rank correlation with the same influence in the clear.
    """

    seconds: float
    bytes_up: float
    bytes_down: int
    key_bytes: int
    values: Floats
    agreement: float


def influences(x: Floats, y: Floats, weights: Floats, direction: Floats) -> Influences:
    """Measures the influence of up to 4,096 records.

    Args:
        x: Features (n, d).
        y: Targets (n, k).
        weights: W (d, k).
        direction: V (d, k).
    """
    parameters = seal.EncryptionParameters(seal.scheme_type.ckks)
    parameters.set_poly_modulus_degree(DEGREE)
    parameters.set_coeff_modulus(seal.CoeffModulus.Create(DEGREE, _PRIMES))
    context = seal.SEALContext(parameters)
    keys = seal.KeyGenerator(context)
    relinearisation = keys.create_relin_keys()
    encoder, evaluator = seal.CKKSEncoder(context), seal.Evaluator(context)
    encryptor = seal.Encryptor(context, keys.secret_key())
    start = time.perf_counter()
    columns = [encryptor.encrypt_symmetric(encoder.encode(list(column), _SCALE)) for column in x.T]
    targets = [encryptor.encrypt_symmetric(encoder.encode(list(column), _SCALE)) for column in y.T]
    parts = []
    for k, target in enumerate(targets):
        predicted, moved = (_combined(encoder, evaluator, columns, matrix[:, k]) for matrix in (weights, direction))
        target = evaluator.mod_switch_to(target, predicted.parms_id())
        predicted.scale(_SCALE)
        error = evaluator.sub(predicted, target)
        product = evaluator.relinearize(evaluator.multiply(error, moved), relinearisation)
        parts.append(product)
    answer = evaluator.add_many(parts)
    found = seal.Decryptor(context, keys.secret_key()).decrypt(answer)
    values = np.array(encoder.decode(found))[: len(x)]
    seconds = time.perf_counter() - start
    clear = ((x @ weights - y) * (x @ direction)).sum(axis=1)
    size = len(columns[0].to_string()) * (len(columns) + len(targets))
    return Influences(
        seconds=seconds / len(x),
        bytes_up=size / len(x),
        bytes_down=len(answer.to_string()),
        key_bytes=len(relinearisation.to_string()),
        values=values,
        agreement=spearman(values, clear),
    )


def _combined(
    encoder: "seal.CKKSEncoder", evaluator: "seal.Evaluator", columns: list["seal.Ciphertext"], factors: Floats
) -> "seal.Ciphertext":
    """A linear combination of features, rescaled."""
    parts = [
        evaluator.multiply_plain(column, encoder.encode(float(factor) or _NOTHING, _SCALE))
        for column, factor in zip(columns, factors, strict=True)
    ]
    return evaluator.rescale_to_next(evaluator.add_many(parts))
