"""The hall's own processes for a benchmark: started on a free port, stopped by process id."""

import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
def web(environment: dict[str, str]) -> Iterator[int]:
    """One web process as `script/run` starts it; yields its port."""
    port = free_port()
    command = [str(BIN / "granian"), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--no-access-log", "--log-level", "error", "hall.wsgi:application"]
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


def peak_mb() -> float:
    """The memory of the largest child process that has ended, or of its largest child."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
