"""The oblivious linear map, and what a dishonest seller makes of it."""

from dataclasses import dataclass

import numpy as np
import pytest

from assay_pricing.blind.layout import DEGREE, chosen
from assay_pricing.blind.linear import SALT_BYTES, LinearMap, Requester, evaluate, masks
from assay_pricing.blind.residues import pack, packed_size, rows, seed, unpack
from assay_pricing.blind.ring import Key, Parameters, Ring, ring_of
from assay_pricing.errors import BlindError
from tests.pricing.blind.sums import FULL

pytestmark = pytest.mark.unit

MODULI = FULL.moduli
MAP = LinearMap(chosen(6, 7, 3), MODULI, weight_bits=20)
SECRET = b"\x07" * 32
X = [rows(seed("x"), [modulus] * 6, 7) for modulus in MODULI]
Y = [np.random.default_rng(3).integers(-(2**20), 2**20, (7, 3)).astype(object) % modulus for modulus in MODULI]
WEIGHTS = [y.astype(np.uint64) for y in Y]


def requester(salt: int = 1) -> Requester:
    return Requester(MAP, b"context", bytes([salt]) * SALT_BYTES)


def test_the_shares_of_both_sides_make_up_the_product() -> None:
    seller = requester()
    request = seller.request(X)
    response = evaluate(MAP, request, WEIGHTS, b"context", SECRET)
    assert (len(request), len(response)) == (MAP.request_size(), MAP.response_size())
    for share, mask, x, y, modulus in zip(seller.shares(response), masks(MAP, SECRET), X, Y, MODULI, strict=True):
        assert ((share.astype(object) - mask.astype(object) - x.astype(object) @ y) % modulus == 0).all()


def test_one_request_has_one_answer_and_another_secret_another_mask() -> None:
    request = requester().request(X)
    first = evaluate(MAP, request, WEIGHTS, b"context", SECRET)
    assert first == evaluate(MAP, request, WEIGHTS, b"context", SECRET)
    assert first != evaluate(MAP, request, WEIGHTS, b"context", b"\x08" * 32)
    assert all((one != other).any() for one, other in zip(masks(MAP, SECRET), masks(MAP, b"\x08" * 32), strict=True))


@pytest.mark.parametrize("primes", [(59, 60, 60, 60), (54, 54, 60, 51)])
def test_parameters_below_128_bits_are_refused_by_seal_itself(primes: tuple[int, int, int, int]) -> None:
    @dataclass(frozen=True)
    class Weak(Parameters):
        @property
        def prime_bits(self) -> tuple[int, int, int, int]:
            return primes

    with pytest.raises(BlindError, match=r"expected parameters of 128 bits of security, got .*insecure"):
        Ring(Weak(MODULI[0], 20))


def test_a_key_encrypts_under_the_given_second_polynomial() -> None:
    ring = ring_of(Parameters(MODULI[0], 20))
    key = Key(ring)
    message = rows(seed("message"), [ring.plain_modulus], DEGREE)[0]
    second = rows(seed("second"), ring.fresh_primes, DEGREE)
    first = key.encrypt(message, second)
    assert (first != key.encrypt(message, second)).any(), "with another error each time"
    assert (key.decrypt(*ring.reduced(first, second)) == message).all()


def test_keys_of_two_moduli_share_their_secret() -> None:
    rings = [ring_of(Parameters(modulus, 20)) for modulus in MODULI]
    key = Key(rings[0])
    other = Key(rings[1], like=key)
    second = rows(seed("second"), rings[0].fresh_primes, DEGREE)
    zero = key.encrypt(np.zeros(DEGREE, np.uint64), second)
    assert not other.decrypt(*rings[1].reduced(zero, second)).any()


@pytest.mark.parametrize("weight_bits", [20, MODULI[0].bit_length() - 1])
def test_noise_stays_50_bits_below_what_moves_a_share(weight_bits: int) -> None:
    """The largest factors, on every coefficient; the budget is of the rounded answer."""
    ring = ring_of(Parameters(MODULI[0], weight_bits))
    key = Key(ring)
    ciphertexts, factors = [], []
    for block in range(9):
        second = rows(seed("noise", block), ring.fresh_primes, DEGREE)
        ciphertexts.append(ring.transformed(key.encrypt(rows(seed(block), [MODULI[0]], DEGREE)[0], second), second))
        signs = rows(seed("signs", block), [3], DEGREE)[0] % 2
        most = min(2**weight_bits - 1, MODULI[0] // 2)
        factors.append(np.where(signs == 1, np.uint64(most), np.uint64(MODULI[0] - most)))
    rounded = ring.reduced(*ring.inner_product(ciphertexts, factors))
    assert key._decryptor.invariant_noise_budget(ring.ciphertext(*rounded)) >= 49


def split(response: bytes) -> list[np.ndarray]:
    """The returned coefficients of first polynomials, by group."""
    ring, start, found = MAP.rings[0], 0, []
    for _ in MODULI:
        for group in range(MAP.layout.groups):
            start += packed_size(ring.kept_primes, DEGREE)
            count = len(MAP.layout.wanted(group))
            end = start + packed_size(ring.kept_primes, count)
            unpacked = unpack(response[start:end], ring.kept_primes, count)
            assert unpacked is not None
            found.append(unpacked)
            start = end
    return found


def test_a_seller_who_hides_numbers_below_the_noise_reads_no_weight() -> None:
    """A key of zero and ciphertexts of single large terms: without a mask on all of q, the low bits would be weights.

    The answers to such requests, under many secrets, are uniform in the high bits and in the low ones.
    """
    ring = MAP.rings[0]
    term = np.zeros((len(ring.fresh_primes), DEGREE), np.uint64)
    term[:, 0] = [pow(2, 90, prime) for prime in ring.fresh_primes]
    block = pack(term, ring.fresh_primes)
    request = b"\x01" * SALT_BYTES + block * ((MAP.request_size() - SALT_BYTES) // len(block))
    drawn = []
    for number in range(40):
        secret = number.to_bytes(32, "big")
        drawn += split(evaluate(MAP, request, WEIGHTS, b"context", secret))
    for row, prime in enumerate(ring.kept_primes):
        values = np.concatenate([part[row] for part in drawn])
        for bits in ((values * 1.0 / prime * 16).astype(int), (values % 16).astype(int)):
            counts = np.bincount(bits, minlength=16)
            expected = len(values) / 16
            assert (((counts - expected) ** 2) / expected).sum() < 55  # chi-squared, 15 degrees of freedom


def test_the_second_polynomial_of_an_answer_is_hidden_though_the_sellers_key_is_zero() -> None:
    """It is the weights' product with known polynomials, plus a sample of ring learning with errors: no coefficient of
    the difference is small, as it would be were the sample scaled by the seller's key.
    """
    ring = MAP.rings[0]
    zeros = np.zeros((len(ring.fresh_primes), DEGREE), np.uint64)
    block = pack(zeros + np.uint64(1), ring.fresh_primes)
    request = b"\x01" * SALT_BYTES + block * ((MAP.request_size() - SALT_BYTES) // len(block))
    answers = [evaluate(MAP, request, WEIGHTS, b"context", secret) for secret in (SECRET, b"\x09" * 32)]
    size = packed_size(ring.kept_primes, DEGREE)
    one, other = (unpack(answer[:size], ring.kept_primes, DEGREE) for answer in answers)
    assert one is not None
    assert other is not None
    prime = ring.kept_primes[0]
    difference = (one[0] + np.uint64(prime) - other[0]) % np.uint64(prime)
    counts = np.bincount((difference * 1.0 / prime * 16).astype(int), minlength=16)
    assert (((counts - DEGREE / 16) ** 2) / (DEGREE / 16)).sum() < 55


@pytest.mark.parametrize("length", [0, MAP.request_size() - 1, MAP.request_size() + 1])
def test_requests_of_another_length_are_refused(length: int) -> None:
    request = bytes(length)
    with pytest.raises(BlindError, match=f"expected a request of {MAP.request_size()} bytes, got {len(request)}"):
        evaluate(MAP, request, WEIGHTS, b"context", SECRET)


def test_residues_beyond_their_prime_are_refused() -> None:
    request = bytearray(requester().request(X))
    request[SALT_BYTES : SALT_BYTES + 14] = b"\xff" * 14
    with pytest.raises(BlindError, match="expected residues below their primes"):
        evaluate(MAP, bytes(request), WEIGHTS, b"context", SECRET)


def test_a_request_for_another_context_decrypts_to_nothing_of_use() -> None:
    seller = requester()
    response = evaluate(MAP, seller.request(X), WEIGHTS, b"another", SECRET)
    share, mask = seller.shares(response)[0].astype(object), masks(MAP, SECRET)[0].astype(object)
    assert ((share - mask - X[0].astype(object) @ Y[0]) % MODULI[0] != 0).all()
