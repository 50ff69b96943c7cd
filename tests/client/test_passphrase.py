"""Secrets under a password, on machines that are busy, slow, or asked for too much."""

import re
from typing import Any

import pyrage
import pytest

from assay import passphrase
from assay.errors import KeysError, PasswordWrong

pytestmark = pytest.mark.unit
SECRET, PASSWORD = b"AGE-SECRET-KEY-1", "correct horse"


def asking_for(work: int, sealed: bytes) -> bytes:
    """The file with another work factor in its header."""
    return re.sub(rb" \d+\n", b" %d\n" % work, sealed, count=1)


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return passphrase.encrypt(SECRET, PASSWORD)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passphrase, "_PAUSE", 0)
    monkeypatch.setattr(passphrase, "_MEASUREMENTS", 10)


def refusal_of(sealed: bytes) -> str:
    with pytest.raises(pyrage.DecryptError) as refused:
        pyrage.passphrase.decrypt(sealed, PASSWORD)
    return str(refused.value)


def test_secret_opens_with_its_password_alone(sealed: bytes) -> None:
    assert passphrase.decrypt(sealed, PASSWORD) == SECRET
    with pytest.raises(PasswordWrong):
        passphrase.decrypt(sealed, "another")


@pytest.mark.usefixtures("quick")
def test_measurement_of_a_busy_machine_refuses_no_secret(sealed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once in a hundred starts on a loaded machine, a daemon was told that its password was wrong."""
    real, refusal, calls = pyrage.passphrase.decrypt, refusal_of(asking_for(60, sealed)), iter(range(10))

    def decrypt(*given: Any) -> bytes:
        if next(calls) < 5:
            raise pyrage.DecryptError(refusal)
        return real(*given)

    monkeypatch.setattr(pyrage.passphrase, "decrypt", decrypt)
    assert passphrase.decrypt(sealed, PASSWORD) == SECRET


@pytest.mark.usefixtures("quick")
def test_secret_that_asks_for_hours_is_refused_with_the_reason(sealed: bytes) -> None:
    with pytest.raises(KeysError, match=r"N of 2\^60") as refused:
        passphrase.decrypt(asking_for(60, sealed), PASSWORD)
    assert not isinstance(refused.value, PasswordWrong)
    assert "faster" in str(refused.value.hint)


def test_measurement_of_a_busy_machine_makes_no_weak_secret(sealed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = iter([12, 18, 20])
    monkeypatch.setattr(pyrage.passphrase, "encrypt", lambda *_: asking_for(next(chosen), sealed))
    assert passphrase.encrypt(SECRET, PASSWORD) == asking_for(18, sealed)


def test_slow_machine_keeps_the_strongest_of_its_choices(sealed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = iter([12, 14, 13, 20])
    monkeypatch.setattr(pyrage.passphrase, "encrypt", lambda *_: asking_for(next(chosen), sealed))
    assert passphrase.encrypt(SECRET, PASSWORD) == asking_for(14, sealed)
