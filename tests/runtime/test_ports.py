import socket
from collections.abc import Iterator

import pytest

from runtime import ports


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind((ports.LOOPBACK, 0))
        server.listen()
        yield server


def test_a_listening_port_is_not_free(taken: socket.socket) -> None:
    assert not ports.is_free(taken.getsockname()[1])


def test_a_number_that_is_no_port_is_not_free() -> None:
    assert not ports.is_free(70_000)


def test_the_preferred_port_is_kept_when_free() -> None:
    port = ports.choose()
    assert ports.choose(port) == port


def test_a_taken_preferred_port_is_replaced(taken: socket.socket) -> None:
    number = taken.getsockname()[1]
    assert ports.choose(number) != number


def test_an_avoided_port_is_replaced() -> None:
    port = ports.choose()
    assert ports.choose(port, frozenset({port})) != port


def test_chosen_ports_stay_below_those_of_outgoing_connections() -> None:
    assert all(20_000 <= ports.choose() < 32_768 for _ in range(50))
