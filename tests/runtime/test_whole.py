"""`script/run` as a person uses it: start, look, lose a process, start a second one, Ctrl-C, start again."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import ports, processes
from runtime.datafolder import DataFolder
from runtime.venv import ROOT

# What a test session has set for itself must not reach a hall that starts its own services.
OWN = (
    "DATABASE_",
    "REDIS_URL",
    "DJANGO_",
    "HALL_",
    "ALIPAY_",
    "WECHATPAY_",
    "SMS_",
    "SANDBOX_",
    "PYTEST",
    "COV_",
)


class Hall:
    """A hall in a data folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = _free_pair()
        self.output = root / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> DataFolder:
        return DataFolder(self.root / "my data")

    def command(self, *options: str) -> "subprocess.Popen[bytes]":
        environ = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
        with self.output.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "runtime", "run", "--no-demo", *options],
                cwd=ROOT,
                env=environ | {"HALL_DATA_DIR": str(self.data.root)},
                stdout=output,
                stderr=output,
            )

    def start(self) -> None:
        self.output.write_text("")
        self.process = self.command("--port", str(self.port))
        assert self.says("Ctrl-C stops everything", 300), self.output.read_text()

    def says(self, words: str, seconds: float) -> bool:
        process = self.process
        assert process
        return processes.wait_until(
            lambda: words in self.output.read_text() or process.poll() is not None, seconds
        ) and (words in self.output.read_text())

    def stop(self) -> int:
        assert self.process
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def running(self) -> list[int]:
        root = self.data.root
        return processes.leftovers(root) + processes.serving_from(root)

    def fetch(self, path: str, port: int | None = None) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{port or self.port}{path}", timeout=20) as answer:
            return int(answer.status)


def _free_pair() -> int:
    while True:
        port = ports.choose()
        if ports.is_free(port + 1):
            return port


@pytest.fixture
def hall() -> Iterator[Hall]:
    with tempfile.TemporaryDirectory(prefix="whole hall ") as folder:
        Path(folder).chmod(0o711)
        made = Hall(Path(folder).resolve())
        try:
            yield made
        finally:
            if made.process and made.process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    made.stop()
                made.process.kill()
                made.process.wait()
            processes.end(made.running(), seconds=2)


@pytest.mark.skipif(sys.platform != "linux", reason="counts processes by /proc")
def test_a_hall_is_opened_mended_closed_and_opened_again(hall: Hall) -> None:
    hall.start()
    assert hall.fetch("/healthz") == 200
    assert hall.fetch("/", hall.port + 1) == 200

    second = hall.command("--port", str(_free_pair()))
    assert second.wait(30) == 2
    assert (
        f"process {hall.process.pid if hall.process else 0}, http://127.0.0.1:{hall.port}/"
        in hall.output.read_text()
    )

    web = hall.data.read_state()["processes"]["web"][0]
    os.kill(web, signal.SIGKILL)
    assert hall.says("web has ended (killed by SIGKILL); starting it again in 1 s", 20)
    assert hall.says("web runs again.", 20)
    assert processes.wait_until(lambda: _answers(hall), 30)

    assert hall.stop() == 0
    assert hall.running() == []
    assert "Stopped. The data stays in" in hall.output.read_text()

    hall.start()
    assert "half-made" not in hall.output.read_text()
    assert hall.fetch("/healthz") == 200
    # Everything at once, the supervisor first, as when a machine loses its power.
    assert hall.process
    hall.process.kill()
    hall.process.wait()
    for pid in hall.running():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    hall.start()
    assert "it recovers by itself" in hall.output.read_text()
    assert hall.fetch("/healthz") == 200
    assert hall.stop() == 0
    assert hall.running() == []


def _answers(hall: Hall) -> bool:
    try:
        return hall.fetch("/healthz") == 200
    except OSError:
        return False
