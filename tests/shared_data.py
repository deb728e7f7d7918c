"""Where tests find the public data that is not part of this repository."""

import os
from pathlib import Path

import pytest

_ROOT = Path(os.environ.get("HALL_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def require(path: str) -> Path:
    """The file or folder `path` of the shared data; skips the test, saying why, when it is not on this machine."""
    found = _ROOT / path
    if not found.exists():
        pytest.skip(f"shared data absent: {path} (set HALL_SHARED_DATA to the folder that holds it)")
    return found
