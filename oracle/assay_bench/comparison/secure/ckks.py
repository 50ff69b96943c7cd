"""CKKS (Cheon et al., ASIACRYPT 2017) of SEAL by TenSEAL: sums, products and rotations of encrypted vectors."""

from collections.abc import Sequence

import numpy as np
from tenseal import sealapi

from assay_bench.figures import Floats

_SCALE_BITS, _OUTER_BITS = 40, 50
_WORD = 8
_LEAST = 2.0**-30
"""In place of a factor that is 0 in all slots, because SEAL refuses a product with nothing."""
_GENERATOR = 3
"""A rotation by s slots is the automorphism of the exponent 3^s modulo 2 N."""


class Ckks:
    """One key and what is computed under it. A ciphertext holds ``slots`` numbers; every product uses up one level.

    Attributes:
        slots: Numbers in a ciphertext.
        key_bytes: Of the keys that the computing side needs: for products, and for each rotation.
    """

    def __init__(self, degree: int, levels: int, rotations: Sequence[int] = ()) -> None:
        """Makes keys of 128 bits of security.

        Args:
            degree: Of the polynomials, N; twice the slots.
            levels: Products one after the other.
            rotations: Steps of the rotations.

        Raises:
            ValueError: So many levels have no security with this degree.
        """
        primes = [_OUTER_BITS, *[_SCALE_BITS] * levels, _OUTER_BITS]
        parameters = sealapi.EncryptionParameters(sealapi.SCHEME_TYPE.CKKS)
        parameters.set_poly_modulus_degree(degree)
        parameters.set_coeff_modulus(sealapi.CoeffModulus.Create(degree, primes))
        self._context = sealapi.SEALContext(parameters, True, sealapi.SEC_LEVEL_TYPE.TC128)
        if not self._context.parameters_set():
            raise ValueError(f"expected fewer than {levels} levels for the degree {degree}, or a larger degree")
        keys = sealapi.KeyGenerator(self._context)
        self._relinearisation, self._galois = sealapi.RelinKeys(), sealapi.GaloisKeys()
        keys.create_relin_keys(self._relinearisation)
        if rotations:
            elements = [pow(_GENERATOR, step, 2 * degree) for step in rotations]
            keys.create_galois_keys(elements, self._galois)
        self._encoder = sealapi.CKKSEncoder(self._context)
        self._evaluator = sealapi.Evaluator(self._context)
        self._encryptor = sealapi.Encryptor(self._context, keys.secret_key())
        self._decryptor = sealapi.Decryptor(self._context, keys.secret_key())
        self.slots = degree // 2
        switching = 2 * (len(primes) - 1) * len(primes) * degree * _WORD
        self.key_bytes = switching * (1 + len(rotations))

    def encrypt(self, values: Floats) -> "sealapi.Ciphertext":
        """Encrypts numbers (s,), at most one for each slot, with the secret key."""
        made = sealapi.Ciphertext(self._context)
        self._encryptor.encrypt_symmetric(self._encoded(values, None), made)
        return made

    def decrypt(self, text: "sealapi.Ciphertext") -> Floats:
        """The numbers of all slots."""
        plain = sealapi.Plaintext()
        self._decryptor.decrypt(text, plain)
        return np.array(self._encoder.decode_double(plain))

    def times(self, text: "sealapi.Ciphertext", values: Floats | float) -> "sealapi.Ciphertext":
        """The product with numbers in the clear, by slot or for all."""
        return self.rescaled(self.unscaled_times(text, values))

    def unscaled_times(self, text: "sealapi.Ciphertext", values: Floats | float) -> "sealapi.Ciphertext":
        """The same before its level is used up, so that a sum of products is rescaled once."""
        made = sealapi.Ciphertext(self._context)
        factor = values if np.abs(values).max() >= _LEAST else _LEAST
        self._evaluator.multiply_plain(text, self._encoded(factor, text), made)
        return made

    def rescaled(self, text: "sealapi.Ciphertext") -> "sealapi.Ciphertext":
        """Uses up the level of a product."""
        self._evaluator.rescale_to_next_inplace(text)
        text.scale = 2.0**_SCALE_BITS
        return text

    def product(self, a: "sealapi.Ciphertext", b: "sealapi.Ciphertext") -> "sealapi.Ciphertext":
        """The product by slot of two ciphertexts, of any levels."""
        a, b = self._levelled(a, b)
        made = sealapi.Ciphertext(self._context)
        self._evaluator.multiply(a, b, made)
        self._evaluator.relinearize_inplace(made, self._relinearisation)
        return self.rescaled(made)

    def total(self, texts: Sequence["sealapi.Ciphertext"]) -> "sealapi.Ciphertext":
        """The sum of ciphertexts of one level."""
        made = sealapi.Ciphertext(self._context)
        self._evaluator.add_many(list(texts), made)
        return made

    def plus(self, a: "sealapi.Ciphertext", b: "sealapi.Ciphertext") -> "sealapi.Ciphertext":
        """The sum by slot of two ciphertexts, of any levels."""
        return self.total(self._levelled(a, b))

    def plus_clear(self, text: "sealapi.Ciphertext", values: Floats | float) -> "sealapi.Ciphertext":
        """The sum with numbers in the clear, by slot or for all."""
        made = sealapi.Ciphertext(self._context)
        self._evaluator.add_plain(text, self._encoded(values, text), made)
        return made

    def rotated_total(self, text: "sealapi.Ciphertext", steps: Sequence[int]) -> "sealapi.Ciphertext":
        """Adds to each slot the one so many steps away, for one step after the other: 1, 2 and 4 sum eight slots."""
        for step in steps:
            turned = sealapi.Ciphertext(self._context)
            self._evaluator.rotate_vector(text, step, self._galois, turned)
            text = self.total([text, turned])
        return text

    def size(self, text: "sealapi.Ciphertext", *, fresh: bool = False) -> int:
        """Bytes of a ciphertext; of a fresh one, whose second polynomial is sent as a seed, half of them."""
        polynomials = 1 if fresh else text.size()
        return int(polynomials * text.coeff_modulus_size() * text.poly_modulus_degree() * _WORD)

    def _encoded(self, values: Floats | float, like: "sealapi.Ciphertext | None") -> "sealapi.Plaintext":
        plain = sealapi.Plaintext()
        numbers = float(values) if isinstance(values, float | int) else list(map(float, values))
        if like is None:
            self._encoder.encode(numbers, 2.0**_SCALE_BITS, plain)
        else:
            self._encoder.encode(numbers, like.parms_id(), 2.0**_SCALE_BITS, plain)
        return plain

    def _levelled(
        self, a: "sealapi.Ciphertext", b: "sealapi.Ciphertext"
    ) -> tuple["sealapi.Ciphertext", "sealapi.Ciphertext"]:
        if a.coeff_modulus_size() < b.coeff_modulus_size():
            b, a = self._levelled(b, a)
            return a, b
        if a.coeff_modulus_size() > b.coeff_modulus_size():
            lower = sealapi.Ciphertext(self._context)
            self._evaluator.mod_switch_to(a, b.parms_id(), lower)
            return lower, b
        return a, b


class Grid:
    """Numbers for each pair of a hidden unit and a record in one ciphertext, the records of a unit beside each other.

    Together they fill all slots, so that rotations by whole units leave the sum over the units in every slot.

    Attributes:
        records: The most that fit.
        over_units: Rotations that sum over the units.
        over_records: Rotations that sum over the records.
    """

    def __init__(self, slots: int, hidden: int) -> None:
        """Takes the slots of a ciphertext and the number of units, both powers of 2."""
        self._hidden = hidden
        self.records = slots // hidden
        self.over_units = [self.records << i for i in range(hidden.bit_length() - 1)]
        self.over_records = [1 << i for i in range(self.records.bit_length() - 1)]

    def check(self, records: int) -> None:
        """Checks that so many records fit.

        Raises:
            ValueError: They do not.
        """
        if records > self.records:
            raise ValueError(f"expected at most {self.records} records, got {records}")

    def by_unit(self, values: Floats) -> Floats:
        """A number of each unit (h,), for all records."""
        return np.repeat(values, self.records)

    def by_record(self, values: Floats) -> Floats:
        """A number of each record (n,), for all units."""
        return np.tile(np.pad(values, (0, self.records - len(values))), self._hidden)
