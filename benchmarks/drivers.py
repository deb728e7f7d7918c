"""A peer's driver: a process in the peer's own environment, told what to do and answering in JSON, line by line."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from benchmarks import peers

SETUP_SECONDS = 600


class Driver:
    """A running driver, which has said that it is ready. `rate` has so many orders placed one after the other."""

    def __init__(self, name: str, process: subprocess.Popen[str], log: Path) -> None:
        self._name = name
        self._process = process
        self._log = log
        self._answer()

    def rate(self, count: int) -> float:
        """Orders per second."""
        return count / float(self._ask(f"orders {count}"))

    def statements(self) -> int:
        """How many SQL statements one order takes."""
        return int(self._ask("statements"))

    def _ask(self, line: str) -> Any:
        pipe: IO[str] | None = self._process.stdin
        if pipe is None or self._process.poll() is not None:
            raise self._ended()
        pipe.write(f"{line}\n")
        pipe.flush()
        return self._answer()

    def _answer(self) -> Any:
        pipe: IO[str] | None = self._process.stdout
        line = pipe.readline() if pipe else ""
        if not line:
            raise self._ended()
        return json.loads(line)

    def _ended(self) -> peers.PeerMissing:
        return peers.PeerMissing(f"{self._name} ended: {_last_line(self._log)}")


@contextmanager
def running(
    name: str, script: str, *, python: Path, variables: dict[str, str], folder: Path, setup: list[str]
) -> Iterator[Driver]:
    """The driver after the peer's tables are made (`setup`: the interpreter's arguments).

    Both run in `folder` with these variables and no others. Raises PeerMissing with the last line they said.
    """
    log = folder / "driver.log"
    print(f"Making {name}'s tables; this takes a minute or two …", flush=True)
    with log.open("w") as out:
        done = subprocess.run(
            # Isolated, so that the modules beside the driver are not taken for others of the same name.
            [str(python), "-I", *setup],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            timeout=SETUP_SECONDS,
            check=False,
        )
    if done.returncode:
        raise peers.PeerMissing(f"{name} cannot make its tables: {_last_line(log)}")
    with _process([str(python), "-I", script], variables, log) as process:
        yield Driver(name, process, log)


def path_of(script: str) -> str:
    """A driver beside this module."""
    return str(Path(__file__).with_name(script))


@contextmanager
def _process(command: list[str], variables: dict[str, str], log: Path) -> Iterator[subprocess.Popen[str]]:
    with log.open("a") as errors:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
