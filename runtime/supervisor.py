"""Keeps a list of processes running until it is told to stop."""

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

from runtime import processes
from runtime.console import Problem, say

FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 1.0, 30.0
# A process that lived this long was well: its next death starts from the shortest delay again.
HEALTHY_SECONDS = 60.0
PAUSE_SECONDS = 0.3
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(BaseException):
    """Raised in the main thread by Ctrl-C, SIGTERM or a closed terminal."""


class Unit(Protocol):
    """One thing that runs. `launch` starts it (again); `stop` ends it and does nothing when it has ended."""

    @property
    def name(self) -> str: ...

    def launch(self) -> None: ...

    def process_ended(self) -> bool: ...

    @property
    def exit_code(self) -> int | None: ...

    def stop(self) -> None: ...


class ProgramUnit:
    """A process of our own."""

    def __init__(self, program: processes.Program, note: Callable[[str, processes.Identity], None]) -> None:
        self.program = program
        self.name = program.name
        self._note = note
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        self._process = processes.start(self.program)
        self._note(self.name, processes.identity(self._process.pid))

    def process_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    @property
    def pid(self) -> int:
        """The number of the process that runs now, or ran last; 0 before the first launch."""
        return self._process.pid if self._process else 0

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode if self._process else None

    def stop(self) -> None:
        if self._process is not None:
            processes.stop(self.program, self._process)


def describe_end(exit_code: int | None) -> str:
    """An exit code in words; subprocess gives the number of a signal as a negative code."""
    if exit_code is None:
        return "it was not running"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"killed by signal {-exit_code}"


@dataclass
class Backoff:
    """How long to wait before starting a process that has died: doubling, and short again after a healthy life."""

    started_at: float
    delay: float = 0.0
    restart_at: float | None = None

    def died(self, now: float) -> float:
        """Note a death; returns the seconds until the next start."""
        healthy = now - self.started_at >= HEALTHY_SECONDS
        self.delay = (
            FIRST_DELAY_SECONDS if healthy or not self.delay else min(self.delay * 2, LONGEST_DELAY_SECONDS)
        )
        self.restart_at = now + self.delay
        return self.delay

    def started(self, now: float) -> None:
        self.started_at, self.restart_at = now, None


@dataclass
class Supervisor:
    """Starts units in order, starts them again when they die, and stops them in the opposite order."""

    units: Sequence[Unit]
    log_of: Callable[[str], str]
    clock: Callable[[], float] = time.monotonic
    _backoffs: dict[str, Backoff] = field(default_factory=dict)

    def start(self) -> None:
        """Launch all units that do not run yet (the services were started before, to migrate the database)."""
        for unit in self.units:
            if unit.process_ended():
                unit.launch()
            self._backoffs[unit.name] = Backoff(self.clock())

    def watch(self) -> None:
        """Run until Stop is raised."""
        while True:
            self.check()
            time.sleep(PAUSE_SECONDS)

    def check(self) -> None:
        """One round: notice deaths, and start again what is due."""
        for unit in self.units:
            backoff = self._backoffs[unit.name]
            if not unit.process_ended():
                continue
            if backoff.restart_at is None:
                delay = backoff.died(self.clock())
                how = describe_end(unit.exit_code)
                say(f"{unit.name} has ended ({how}); starting it again in {delay:.0f} s. The end of its log:")
                say(self.log_of(unit.name))
            elif self.clock() >= backoff.restart_at:
                self._launch_again(unit, backoff)

    def _launch_again(self, unit: Unit, backoff: Backoff) -> None:
        try:
            unit.launch()
        except Problem as problem:
            say(
                f"{unit.name} could not be started: {problem}\nNext try in {backoff.died(self.clock()):.0f} s."
            )
            return
        backoff.started(self.clock())
        say(f"{unit.name} runs again.")

    def stop(self) -> None:
        """Stop everything, the last started first; nothing of it is left when this returns."""
        for unit in reversed(self.units):
            unit.stop()


def _raise_stop(number: int, _frame: FrameType | None) -> None:
    raise Stop(signal.Signals(number).name)


def catch_signals() -> None:
    """From now on Ctrl-C, SIGTERM and a closed terminal raise Stop."""
    for number in STOP_SIGNALS:
        signal.signal(number, _raise_stop)


def ignore_signals() -> None:
    """A second Ctrl-C must not interrupt the stopping: it ends by itself, by force if need be."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
