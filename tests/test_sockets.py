"""The check after each test finds what a test left open, and nothing else."""

from __future__ import annotations

import socket

import pytest

from tests.sockets import dropped, sockets


class Holder:
    """Keeps itself and a socket, so only the garbage collector finds them."""

    def __init__(self) -> None:
        self.itself, self.socket = self, socket.socket()


def test_a_socket_that_nobody_closed_is_told() -> None:
    before = sockets()
    Holder()
    assert len(sockets() - before) == 1
    (told,) = dropped()
    assert told.startswith("unclosed <socket.socket")
    assert sockets() == before


def test_one_that_was_closed_or_is_in_use_is_not() -> None:
    kept = Holder()
    Holder().socket.close()
    assert dropped() == []
    kept.socket.close()


class Noisy:
    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        raise ValueError("not of a socket")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_else_goes_wrong_meanwhile_goes_where_it_went() -> None:
    Noisy()
    assert dropped() == []
