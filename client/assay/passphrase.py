"""Small secrets under a password: age files with a passphrase (scrypt). Format: https://age-encryption.org/v1.

The library times the machine for two milliseconds each time: to choose the work that takes it a second, and to refuse a
file that would take much longer. While other processes run, one such measurement may be wrong by a factor of 32. So a
refusal is checked by measuring again, and work that seems little for any machine is chosen again.
"""

import time

import pyrage

from assay.errors import KeysError, PasswordWrong

LEAST_WORK = 17
"""Binary logarithm of scrypt's N: what OWASP's Password Storage Cheat Sheet asks for at least, 0.4 s of a processor."""
_CHOICES = 3
_MEASUREMENTS = 100
_PAUSE = 0.05
_EXCESSIVE = "Excessive work"


def encrypt(secret: bytes, password: str) -> bytes:
    """The secret under a password. A machine that is slow by itself has three tries, and keeps the strongest."""
    found: list[bytes] = []
    for _ in range(_CHOICES):
        found.append(pyrage.passphrase.encrypt(secret, password))
        if _work(found[-1]) >= LEAST_WORK:
            break
    return max(found, key=_work)


def decrypt(sealed: bytes, password: str) -> bytes:
    """The secret in an age file.

    Raises:
        PasswordWrong: The password does not open it; an altered file looks the same.
        KeysError: It asks for much more work than this machine does in a second.
    """
    for _ in range(_MEASUREMENTS):
        try:
            return bytes(pyrage.passphrase.decrypt(sealed, password))
        except pyrage.DecryptError as error:
            refusal = str(error)
        if not refusal.startswith(_EXCESSIVE):
            raise PasswordWrong("the password does not open the secret")
        time.sleep(_PAUSE)
    raise KeysError(
        f"expected a secret that opens within seconds, got one with scrypt's N of 2^{_work(sealed)}",
        hint="open it on the machine that it was made on, or on a faster one",
    )


def _work(sealed: bytes) -> int:
    """Binary logarithm of scrypt's N, the last word of the file's second line."""
    return int(sealed.split(b"\n", 2)[1].split()[-1])
