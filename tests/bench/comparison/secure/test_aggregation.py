"""Sellers add up their updates without showing them."""

import numpy as np
import pytest
from cryptography.exceptions import InvalidTag

from assay_bench.comparison.secure.aggregation import Client, aggregate

pytestmark = pytest.mark.unit

VECTORS = [np.random.default_rng(i).normal(size=50) for i in range(5)]


def test_the_server_learns_the_sum() -> None:
    found, traffic = aggregate(VECTORS, threshold=3)
    assert np.allclose(found, sum(VECTORS), atol=1e-8)
    assert sum(traffic.sizes) > 5 * 50 * 8


def test_clients_that_drop_out_do_not_count_and_do_not_spoil_the_sum() -> None:
    found, _ = aggregate(VECTORS, threshold=3, dropped=[1, 4])
    assert np.allclose(found, VECTORS[0] + VECTORS[2] + VECTORS[3], atol=1e-8)


def test_below_the_threshold_nothing_is_learned() -> None:
    with pytest.raises(ValueError, match="at least 4 clients"):
        aggregate(VECTORS, threshold=4, dropped=[1, 4])


def test_a_masked_vector_is_uniform_and_differs_at_every_bit_place() -> None:
    clients = [Client(index) for index in range(3)]
    for client in clients:
        client.meet([each.public for each in clients])
    sent = clients[0].masked(np.zeros(4096))
    ones = np.unpackbits(sent.view(np.uint8)).mean()
    assert abs(ones - 0.5) < 0.01
    assert len(set(sent.tolist())) == 4096


def test_an_altered_share_is_refused() -> None:
    clients = [Client(index) for index in range(3)]
    for client in clients:
        client.meet([each.public for each in clients])
    message = bytearray(clients[0].shares(threshold=2)[1])
    message[0] ^= 1
    with pytest.raises(InvalidTag):
        clients[1].receive(0, bytes(message))


def test_a_client_never_reveals_both_secrets_of_another() -> None:
    clients = [Client(index) for index in range(3)]
    for client in clients:
        client.meet([each.public for each in clients])
    for client in clients:
        for other, message in enumerate(client.shares(threshold=2)):
            clients[other].receive(client.index, message)
    revealed = clients[0].reveal(survivors=[0, 2])
    assert {len(share) for share in revealed.values()} == {32}
