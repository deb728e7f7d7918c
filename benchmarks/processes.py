"""The hall's own processes for a benchmark: started on a free port, stopped by process id."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime.hallprocesses import WEB_THREADS

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def free_port() -> int:
    """A port below the range of outgoing connections."""
    for port in range(21_000, 32_000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no free port")


@contextmanager
def web(environment: dict[str, str], *, application: str = "hall.wsgi:application") -> Iterator[int]:
    """One web process as `script/run` starts it; yields its port."""
    port = free_port()
    command = [str(BIN / "granian"), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--blocking-threads", str(WEB_THREADS), "--no-ws"]
    command += ["--no-access-log", "--log-level", "error", application]
    with _running(command, environment):
        _wait_for(port)
        yield port


@contextmanager
def worker(environment: dict[str, str], *, concurrency: int = 2) -> Iterator[None]:
    """One Celery node on all queues."""
    command = [str(BIN / "celery"), "-A", "hall", "worker", "-Q", "payments,notices,provisioning,default"]
    command += ["-c", str(concurrency), "--without-gossip", "--without-mingle", "-l", "ERROR"]
    with _running(command, environment):
        yield


@contextmanager
def beat(environment: dict[str, str]) -> Iterator[None]:
    """The sweepers' clock."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(BIN / "celery"), "-A", "hall", "beat", "--schedule", f"{folder}/beat", "-l", "ERROR"]
        with _running([*command, "--pidfile", ""], environment):
            yield


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@dataclass(frozen=True)
class Ended:
    """What a command did: its exit code, what it printed, and what it took."""

    code: int
    output: str
    seconds: float
    peak_mb: float  # of its largest process
    processor_seconds: float  # its own, without those of the database


def timed(command: list[str], environment: dict[str, str] | None = None) -> Ended:
    """Runs a command as an operator does."""
    with tempfile.TemporaryFile("w+") as out:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, env={**os.environ, **(environment or {})})
        _pid, status, usage = os.wait4(
            process.pid, 0
        )  # alone tells the memory of this child, not of all so far
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        used = usage.ru_utime + usage.ru_stime
        return Ended(process.returncode, out.read(), seconds, usage.ru_maxrss / 1024, used)
