import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runtime import ports, run
from runtime.console import Problem
from runtime.venv import ROOT


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((ports.LOOPBACK, port))
        server.listen()
        yield


def free_pair() -> int:
    while True:
        port = ports.choose()
        if ports.is_free(port + 1):
            return port


@pytest.mark.parametrize(("offset", "whose"), [(0, "the web server"), (1, "the stand-ins")])
def test_a_busy_port_stops_the_start_with_what_to_do(offset: int, whose: str) -> None:
    port = free_pair()
    with listening(port + offset), pytest.raises(Problem, match=whose) as raised:
        run.check_ports(port)
    assert raised.value.exit_code == 2
    assert "--port" in str(raised.value)


def test_two_free_ports_are_accepted() -> None:
    run.check_ports(free_pair())


@pytest.mark.parametrize("port", ["0", "65535", "-1", "http", "１２"])
def test_what_is_no_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        run.parse(["--port", port])
    assert raised.value.code == 2
    assert "from 1 to 65534" in capsys.readouterr().err


def test_options_are_off_by_default() -> None:
    options = run.parse([])
    assert (options.port, options.fresh, options.no_demo) == (8000, False, False)


@pytest.mark.parametrize(
    ("arguments", "code"), [(["run", "--help"], 0), (["run", "--prot"], 2), (["dance"], 2), ([], 2)]
)
def test_help_and_typing_errors_are_answered_before_anything_is_installed(
    arguments: list[str], code: int
) -> None:
    done = subprocess.run(
        [getattr(sys, "_base_executable", sys.executable), "-m", "runtime", *arguments],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == code
    assert "Installing" not in done.stdout
