"""What the person at the terminal reads."""

import contextlib
import sys


class Problem(Exception):
    """Something the person at the terminal must mend; the message says what and how."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def say(text: str) -> None:
    """Print one message at once. A closed terminal is not an error: there is still work to stop in order."""
    with contextlib.suppress(OSError, ValueError):
        print(text, flush=True)


def complain(text: str) -> None:
    """Print one message to standard error."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)
