"""Choosing TCP ports on the loopback address."""

import random
import socket

# Ports from 32768 up are handed out to outgoing connections, so a server there can find its own port taken.
LOWEST, HIGHEST = 20_000, 32_000
LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """True when a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set SO_REUSEADDR too: connections that are only waiting to be forgotten do not make a port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError):
            return False
    return True


def choose(preferred: int | None = None, avoid: frozenset[int] = frozenset()) -> int:
    """The preferred port when it is free, else a random free one between LOWEST and HIGHEST."""
    if preferred is not None and preferred not in avoid and is_free(preferred):
        return preferred
    for _ in range(500):
        port = random.randint(LOWEST, HIGHEST)
        if port not in avoid and is_free(port):
            return port
    raise OSError(f"no free TCP port between {LOWEST} and {HIGHEST} on {LOOPBACK}")
