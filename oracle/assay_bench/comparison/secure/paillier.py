"""Paillier's cryptosystem (EUROCRYPT 1999): sums of encrypted integers, and products with integers in the clear."""

import secrets
from dataclasses import dataclass

import gmpy2
from gmpy2 import mpz

_PRIME_ROUNDS = 40


@dataclass(frozen=True)
class PublicKey:
    """Encrypts integers modulo n.

    Attributes:
        n: The modulus.
    """

    n: mpz

    @property
    def text_bytes(self) -> int:
        """Bytes of a ciphertext, an integer modulo n^2."""
        return 2 * int(self.n.bit_length()) // 8

    def encrypt(self, value: int) -> mpz:
        """A ciphertext of a value modulo n: ``(1 + n value) r^n`` modulo n^2, for a random r."""
        square = self.n * self.n
        r = mpz(secrets.randbelow(int(self.n) - 1) + 1)
        return (1 + self.n * (mpz(value) % self.n)) * gmpy2.powmod(r, self.n, square) % square

    def plus(self, a: mpz, b: mpz) -> mpz:
        """A ciphertext of the sum of two."""
        return a * b % (self.n * self.n)

    def times(self, a: mpz, factor: int) -> mpz:
        """A ciphertext of the product with an integer."""
        return gmpy2.powmod(a, mpz(factor) % self.n, self.n * self.n)


class SecretKey:
    """Decrypts.

    Attributes:
        public: The public key.
    """

    def __init__(self, bits: int) -> None:
        self._p, self._q = _prime(bits // 2), _prime(bits // 2)
        while self._p == self._q:
            self._q = _prime(bits // 2)
        self.public = PublicKey(self._p * self._q)
        self._inverses = [gmpy2.invert(self._part(1 + self.public.n, prime), prime) for prime in (self._p, self._q)]

    def decrypt(self, text: mpz) -> mpz:
        """The value, in 0..n-1."""
        p, q = self._p, self._q
        of_p, of_q = (self._part(text, prime) * w % prime for prime, w in zip((p, q), self._inverses, strict=True))
        return of_q + q * ((of_p - of_q) * gmpy2.invert(q, p) % p)

    def decrypt_signed(self, text: mpz) -> int:
        """The value in -n/2..n/2."""
        value = self.decrypt(text)
        return int(value if value < self.public.n // 2 else value - self.public.n)

    @staticmethod
    def _part(text: mpz, prime: mpz) -> mpz:
        """``L(text^(p-1) mod p^2)``, by which decryption modulo one prime works."""
        return (gmpy2.powmod(text, prime - 1, prime * prime) - 1) // prime


def _prime(bits: int) -> mpz:
    while True:
        # The two highest bits are set, so that the product of two has all its bits.
        candidate = mpz(secrets.randbits(bits) | (3 << (bits - 2)) | 1)
        if gmpy2.is_prime(candidate, _PRIME_ROUNDS):
            return candidate
