"""The one adapter over Microsoft SEAL: BFV with 128-bit parameters by the library's own check.

Polynomials of ciphertexts are arrays of residues, shape (primes, N). SEAL validates, encrypts, decrypts, multiplies and
switches moduli. Of its serialized form nothing is used but that the residues are its last bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from assay_pricing.blind.layout import DEGREE, Residues
from assay_pricing.blind.residues import Words
from assay_pricing.errors import BlindError, BlindUnavailable

if TYPE_CHECKING:
    import seal

MARGIN_BITS = 58
"""Of the kept modulus beside the plaintext modulus: the rounding's noise, below 2**8, moves a share by one with a
probability below 2**-49."""
_SPECIAL_BITS = 30
"""Of a prime that SEAL keeps for key switching, which is not used."""
_GROWTH_BITS = 10
"""By which the noise of a product grows beside the weight's magnitude."""
_DROPPED_BITS = (24, 60)
"""Of the dropped prime: fewer have no prime for N, more SEAL does not take."""


@dataclass(frozen=True)
class Parameters:
    """Parameters of BFV for one linear map.

    Attributes:
        plain_modulus: t, a prime.
        weight_bits: Plaintext factors are below ``2**weight_bits`` in magnitude.
    """

    plain_modulus: int
    weight_bits: int

    @property
    def prime_bits(self) -> tuple[int, int, int, int]:
        """Sizes of two kept primes, of the one that is dropped after the products, and of SEAL's special one."""
        kept = self.plain_modulus.bit_length() + MARGIN_BITS
        dropped = min(max(self.weight_bits + _GROWTH_BITS, _DROPPED_BITS[0]), _DROPPED_BITS[1])
        return -(-kept // 2), kept // 2, dropped, _SPECIAL_BITS


class Ring:
    """Polynomials modulo ``x^N + 1`` under one set of parameters.

    Raises:
        BlindUnavailable: SEAL is not installed.
        BlindError: SEAL finds that the parameters have no 128 bits of security, or cannot be.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.plain_modulus = parameters.plain_modulus
        found = _seal().EncryptionParameters(_seal().scheme_type.bfv)
        found.set_poly_modulus_degree(DEGREE)
        found.set_coeff_modulus(_seal().CoeffModulus.Create(DEGREE, parameters.prime_bits))
        found.set_plain_modulus(_seal().Modulus(parameters.plain_modulus))
        self.context = _seal().SEALContext(found, True, _seal().sec_level_type.tc128)
        if not self.context.parameters_set():
            raise BlindError(f"expected parameters of 128 bits of security, got {self.context.parameter_error_name()}")
        self.evaluator = _seal().Evaluator(self.context)
        first = self.context.first_context_data()
        self.fresh_id, self.kept_id = first.parms_id(), first.next_context_data().parms_id()
        self.fresh_primes = tuple(prime.value() for prime in first.parms().coeff_modulus())
        self.kept_primes = self.fresh_primes[:-1]

    @cached_property
    def kept_product(self) -> int:
        """Modulus of a ciphertext down."""
        first, second = self.kept_primes
        return int(first * second)

    def plaintext(self, coefficients: Residues) -> "seal.Plaintext":
        """A plaintext of N coefficients below t."""
        found = _seal().Plaintext()
        found.load_bytes(self.context, self._plain_prefix + np.ascontiguousarray(coefficients, "<u8").tobytes())
        return found

    def coefficients(self, plaintext: "seal.Plaintext") -> Residues:
        """The N coefficients of a plaintext."""
        count = plaintext.coeff_count()
        data = plaintext.to_bytes(_seal().compr_mode_type.none)
        found = np.zeros(DEGREE, np.uint64)
        found[:count] = np.frombuffer(data, "<u8", count, len(data) - 8 * count)
        return found

    def ciphertext(self, zeroth: Words, first: Words) -> "seal.Ciphertext":
        """A ciphertext of two polynomials, of fresh or of kept primes."""
        found = _seal().Ciphertext()
        body = np.ascontiguousarray(np.stack([zeroth, first]), "<u8").tobytes()
        found.load_bytes(self.context, self._prefixes[len(zeroth)] + body)
        return found

    def polynomials(self, ciphertext: "seal.Ciphertext") -> tuple[Words, Words]:
        """The two polynomials of a ciphertext that is not in NTT form."""
        primes = ciphertext.coeff_modulus_size()
        count = 2 * primes * DEGREE
        data = ciphertext.to_string(_seal().compr_mode_type.none)
        found = np.frombuffer(data, "<u8", count, len(data) - 8 * count).reshape(2, primes, DEGREE)
        return found[0].astype(np.uint64), found[1].astype(np.uint64)

    @cached_property
    def _plain_prefix(self) -> bytes:
        data: bytes = _seal().Plaintext(DEGREE).to_bytes(_seal().compr_mode_type.none)
        return data[: len(data) - 8 * DEGREE]

    @cached_property
    def _prefixes(self) -> dict[int, bytes]:
        """What stands before the residues of a ciphertext, by the number of its primes."""
        key = _seal().KeyGenerator(self.context).secret_key()
        fresh = _seal().Encryptor(self.context, key).encrypt_symmetric(_seal().Plaintext("1"))
        kept = self.evaluator.mod_switch_to_next(fresh)
        found = {}
        for ciphertext, primes in ((fresh, len(self.fresh_primes)), (kept, len(self.kept_primes))):
            data = ciphertext.to_string(_seal().compr_mode_type.none)
            found[primes] = data[: len(data) - 16 * primes * DEGREE]
        return found

    # --- the oracle ---------------------------------------------------------------------------------------------------

    def transformed(self, zeroth: Words, first: Words) -> "seal.Ciphertext":
        """A fresh ciphertext in NTT form, in which products cost least."""
        return self.evaluator.transform_to_ntt(self.ciphertext(zeroth, first))

    def inner_product(
        self, ciphertexts: Sequence["seal.Ciphertext"], factors: Sequence[Residues]
    ) -> tuple[Words, Words]:
        """The sum of the products of ciphertexts in NTT form with plaintexts; the last factor is not zero.

        SEAL refuses a product with zero: it is left out.
        """
        pairs = [(ciphertext, factor) for ciphertext, factor in zip(ciphertexts, factors, strict=True) if factor.any()]
        parts = [
            self.evaluator.multiply_plain(
                ciphertext, self.evaluator.transform_to_ntt(self.plaintext(factor), self.fresh_id)
            )
            for ciphertext, factor in pairs
        ]
        return self.polynomials(self.evaluator.transform_from_ntt(self.evaluator.add_many(parts)))

    def reduced(self, zeroth: Words, first: Words) -> tuple[Words, Words]:
        """A fresh ciphertext rounded to the kept primes."""
        return self.polynomials(self.evaluator.mod_switch_to_next(self.ciphertext(zeroth, first)))


class Key:
    """A secret key of BFV, made by SEAL, for the time of one quote.

    Args:
        ring: What it is a key of.
        like: A key whose secret polynomial it has, too; of a ring with the same primes.
    """

    def __init__(self, ring: Ring, like: "Key | None" = None) -> None:
        self._ring = ring
        self._made = _seal().KeyGenerator(ring.context).secret_key()
        if like is not None:
            residues = 8 * DEGREE * (len(ring.fresh_primes) + 1)
            prefix = self._made.to_string()[:-residues]
            self._made = ring.context.from_secret_str(prefix + like._made.to_string()[-residues:])
        self._encryptor = _seal().Encryptor(ring.context, self._made)
        self._decryptor = _seal().Decryptor(ring.context, self._made)
        self._secret = ring.plaintext(_secret_coefficients(ring, self._made))

    def encrypt(self, coefficients: Residues, second: Words) -> Words:
        """The first polynomial of a ciphertext whose second one is given.

        SEAL encrypts with a second polynomial of its own. Its product with the secret is then exchanged for that of
        ``second``: message and error stay those that SEAL drew.

        Args:
            coefficients: N residues modulo t.
            second: Uniform, of fresh primes; never the same one twice.
        """
        ring = self._ring
        zeroth, first = ring.polynomials(self._encryptor.encrypt_symmetric(ring.plaintext(coefficients)))
        primes = np.array(ring.fresh_primes, np.uint64)[:, None]
        difference = (first + primes - second) % primes
        product = ring.evaluator.multiply_plain(ring.ciphertext(difference, difference), self._secret)
        found: Words = (zeroth + ring.polynomials(product)[0]) % primes
        return found

    def decrypt(self, zeroth: Words, first: Words) -> Residues:
        """The N coefficients, modulo t, of a ciphertext of kept primes."""
        plaintext = _seal().Plaintext()
        self._decryptor.decrypt(self._ring.ciphertext(zeroth, first), plaintext)
        return self._ring.coefficients(plaintext)


def _secret_coefficients(ring: Ring, secret: "seal.SecretKey") -> Residues:
    """The secret polynomial modulo t: SEAL keeps it in NTT form."""
    primes = len(ring.fresh_primes)
    every = np.frombuffer(secret.to_string()[-8 * DEGREE * (primes + 1) :], "<u8").reshape(-1, DEGREE)
    both = np.stack([every[:primes]] * 2)  # SEAL transforms ciphertexts back, of two polynomials
    carrier = ring.evaluator.transform_to_ntt(ring.ciphertext(both[0], both[1]))
    prefix = carrier.to_string(_seal().compr_mode_type.none)[: -both.nbytes]
    carrier.load_bytes(ring.context, prefix + both.tobytes())
    residues = ring.polynomials(ring.evaluator.transform_from_ntt(carrier))[0][0]
    return np.where(residues <= 1, residues, np.uint64(ring.plain_modulus - 1))


@lru_cache(maxsize=16)
def ring_of(parameters: Parameters) -> Ring:
    """The ring of these parameters, made once."""
    return Ring(parameters)


@lru_cache(maxsize=1)
def _seal() -> Any:
    try:
        import seal
    except ImportError as error:
        message = f"expected the library seal-python for blind prices, found none: {error}"
        raise BlindUnavailable(message, hint="install it with: pip install 'assay[blind]'") from None
    return seal
