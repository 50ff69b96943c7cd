"""Sums and products of integers that only the holder of the key can read."""

import pytest

from assay_bench.comparison.secure.paillier import SecretKey

pytestmark = pytest.mark.unit


def test_sums_and_products_modulo_n() -> None:
    key = SecretKey(512)
    public = key.public
    assert public.n.bit_length() == 512
    a, b = public.encrypt(1234), public.encrypt(-5000)
    assert key.decrypt_signed(public.plus(a, b)) == -3766
    assert key.decrypt_signed(public.times(a, -3)) == -3702
    assert key.decrypt(b) == public.n - 5000
    assert key.decrypt(public.times(a, int(public.n) - 1)) == public.n - 1234


def test_a_value_is_never_encrypted_alike_twice() -> None:
    public = SecretKey(512).public
    assert public.encrypt(7) != public.encrypt(7)
    assert public.text_bytes == 128


def test_another_key_reads_nothing() -> None:
    assert SecretKey(512).decrypt(SecretKey(512).public.encrypt(7)) != 7
