"""Peers: other people's software in a virtual environment of its own, built once and kept in the user's cache."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUILD_SECONDS = 900  # a package index that hangs must not hang the benchmark
_PIP = ("install", "--quiet", "--timeout", "20", "--retries", "2", "--prefer-binary")


class PeerMissing(Exception):
    """The peer cannot be run here; the message says why."""


def environment(package: str, version: str, *beside: str) -> Path:
    """The interpreter of an environment that has this package; built when it is not in the cache yet.

    `beside`: what it does not ask for itself but needs here, as `name==version`.
    The cache is HALL_BENCH_CACHE, else `hall-bench` in XDG_CACHE_HOME or ~/.cache. Raises PeerMissing.
    """
    python = f"py{sys.version_info.major}.{sys.version_info.minor}"
    try:
        names = "-".join([package, version, *(each.replace("==", "-") for each in beside), python])
        folder = _cache() / names
        with _locked(folder):
            if not _complete(folder).exists():
                _build(folder, [*beside, f"{package}=={version}"])
    except OSError as error:
        raise PeerMissing(f"{package}: {error}") from error
    return folder / "bin" / "python"


def _cache() -> Path:
    own = os.environ.get("HALL_BENCH_CACHE")
    if own:
        return _made(Path(own).expanduser())
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return _made((Path(base) if base else Path.home() / ".cache") / "hall-bench")
    except (OSError, RuntimeError):  # no home, or one that cannot be written
        return _made(Path(tempfile.gettempdir()) / f"hall-bench-{os.getuid()}")


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK) or folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} is not ours to write")
    return folder.resolve()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with folder.with_name(f"{folder.name}.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _complete(folder: Path) -> Path:
    """Written last, so that a half-built environment is never taken for whole."""
    return folder / "complete"


def _build(folder: Path, requirements: list[str]) -> None:
    named = " and ".join(requirements)
    print(f"Installing {named} into {folder}; this is done once and takes a minute or more …", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    _run([sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), *_PIP, *requirements])
    _complete(folder).touch()


def _run(command: list[str]) -> None:
    quiet = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    try:
        subprocess.run(
            command,
            env=os.environ | quiet,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=BUILD_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise PeerMissing(f"gave up after {BUILD_SECONDS} s: {' '.join(command[2:])}") from None
    except subprocess.CalledProcessError as error:
        told = (error.stderr or error.stdout or "").strip().splitlines()
        raise PeerMissing(f"{command[-1]} cannot be installed: {told[-1] if told else error}") from None


def own_variables() -> dict[str, str]:
    """All that a peer's process is given of our environment."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
