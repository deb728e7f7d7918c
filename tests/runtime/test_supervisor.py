import os
import signal
import sys
import time
from pathlib import Path

import pytest

from runtime import processes
from runtime.processes import Program
from runtime.supervisor import Backoff, ProgramUnit, Supervisor, describe_end


def test_delays_double_up_to_a_limit() -> None:
    backoff = Backoff(started_at=0)
    delays = []
    for now in range(8):
        delays.append(backoff.died(now))
        backoff.started(now)
    assert delays == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_healthy_life_makes_the_next_delay_short_again() -> None:
    backoff = Backoff(started_at=0)
    for now in range(4):
        backoff.died(now)
        backoff.started(now)
    assert backoff.died(3 + 60) == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "exit code 0"), (-9, "killed by SIGKILL"), (-250, "killed by signal 250"), (None, "not")],
)
def test_ends_are_described(code: int | None, words: str) -> None:
    assert words in describe_end(code)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def unit(tmp_path: Path, name: str, code: str = "import time; time.sleep(60)") -> ProgramUnit:
    program = Program(
        name=name,
        command=(sys.executable, "-c", code),
        environ=os.environ,
        folder=tmp_path,
        log=tmp_path / f"{name}.log",
    )
    return ProgramUnit(program, lambda name, identity: None)


def supervisor(tmp_path: Path, clock: Clock, *units: ProgramUnit) -> Supervisor:
    return Supervisor(units, lambda name: processes.last_lines(tmp_path / f"{name}.log"), clock)


def test_a_killed_process_is_started_again_after_its_delay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock, web = Clock(), unit(tmp_path, "web")
    watched = supervisor(tmp_path, clock, web)
    watched.start()
    try:
        assert not web.process_ended()
        os.kill(web.pid, signal.SIGKILL)
        assert processes.wait_until(web.process_ended, 5)
        watched.check()
        assert "web has ended (killed by SIGKILL); starting it again in 1 s" in capsys.readouterr().out
        watched.check()
        assert web.process_ended()
        clock.now = 1.0
        watched.check()
        assert not web.process_ended()
    finally:
        watched.stop()
    assert web.process_ended()


def test_the_end_of_the_log_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failing = unit(tmp_path, "web", "raise SystemExit('the reason')")
    watched = supervisor(tmp_path, Clock(), failing)
    watched.start()
    assert processes.wait_until(failing.process_ended, 10)
    watched.check()
    watched.stop()
    assert "    the reason" in capsys.readouterr().out


def test_everything_is_stopped_in_the_opposite_order(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (open(sys.argv[1], 'a').write(sys.argv[2]), sys.exit()))\n"
        "open(sys.argv[1] + sys.argv[2], 'w')\n"
        "time.sleep(60)"
    )
    units = []
    for name in "abc":
        command = (sys.executable, "-c", code, str(ended), name)
        program = Program(name, command, os.environ, tmp_path, tmp_path / f"{name}.log")
        units.append(ProgramUnit(program, lambda name, identity: None))
    watched = supervisor(tmp_path, Clock(), *units)
    watched.start()
    assert processes.wait_until(lambda: all((tmp_path / f"ended{name}").exists() for name in "abc"), 10)
    watched.stop()
    assert ended.read_text() == "cba"


def test_stopping_insists(tmp_path: Path) -> None:
    deaf = Program(
        "deaf",
        (
            sys.executable,
            "-c",
            "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)",
        ),
        os.environ,
        tmp_path,
        tmp_path / "deaf.log",
        patience_seconds=0.3,
    )
    process = processes.start(deaf)
    assert processes.wait_until(lambda: deaf.log.read_text() != "", 10)
    begun = time.monotonic()
    processes.stop(deaf, process)
    assert process.returncode == -signal.SIGKILL
    assert time.monotonic() - begun < 5
