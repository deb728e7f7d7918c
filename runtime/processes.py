"""Starting, watching and stopping single processes, and finding those that an earlier run left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from runtime.accounts import Account, SwitchOptions

# Every process of ours carries this variable with the data folder as its value. It survives a kill -9 of the
# supervisor and re-parenting, so leftovers are found by it and never guessed from a process number alone.
MARK = "HALL_SUPERVISED"
PROC = Path("/proc")
SERVICE_NAMES = frozenset({"postgres", "valkey-server", "redis-server"})
LARGEST_LOG = 20_000_000
Identity = tuple[int, str]
TETHER = Path(__file__).with_name("tether.py")


@dataclass(frozen=True)
class Program:
    """How one process is started and stopped."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    folder: Path
    log: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    patience_seconds: float = 10
    tethered: bool = False


def start(program: Program) -> subprocess.Popen[bytes]:
    """Start the program in a session of its own, so that Ctrl-C in the terminal reaches only the supervisor."""
    command = program.command
    if program.tethered:
        command = (sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), *command)
    with open_log(program.log) as log:
        return subprocess.Popen(
            command,
            env=dict(program.environ),
            cwd=program.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **(program.account.popen_options() if program.account else SwitchOptions()),
        )


def open_log(path: Path) -> BinaryIO:
    """Open a log for appending; one that has grown large is set aside first (one old copy is kept)."""
    with contextlib.suppress(OSError):
        if path.stat().st_size > LARGEST_LOG:
            path.replace(path.with_name(f"{path.name}.1"))
    return path.open("ab")


def last_lines(path: Path, count: int = 15) -> str:
    """The end of a log, indented for showing below a message."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8192))
            lines = file.read().decode("utf-8", "replace").splitlines()[-count:]
    except OSError:
        return "    (no log)"
    return "\n".join(f"    {line}" for line in lines) or "    (the log is empty)"


def stop(program: Program, process: subprocess.Popen[bytes]) -> None:
    """End the process and all of its session: first by its own signal, after its patience by force."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(program.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(program.patience_seconds)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Poll until the condition holds; False when it does not within the time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def started_at(pid: int) -> str | None:
    """A token that tells a process from a later one with the same number; None when it is gone or a zombie."""
    if PROC.joinpath("self").exists():
        fields = _stat_fields(pid)
        return None if not fields or fields[0] in "ZX" else fields[19]
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = shown.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on: the name before them may hold spaces and brackets."""
    try:
        return PROC.joinpath(str(pid), "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def leftovers(data_root: Path, recorded: Iterable[Identity] = ()) -> list[int]:
    """Processes of ours (services not counted) that an earlier run on this data folder left alive."""
    mark = os.fsencode(f"{MARK}={data_root}")
    found = {pid for pid in _all_pids() if _is_marked(pid, mark)} | set(still_alive(recorded))
    return sorted(found - {os.getpid()})


def serving_from(folder: Path, recorded: Iterable[Identity] = ()) -> list[int]:
    """Living database or broker processes that stand in the folder: such a server must not be started twice.

    They write their titles over their environment, so they are known by their working directory; where there is
    no /proc, by what the last run noted.
    """
    return sorted({pid for pid in _all_pids() if _stands_in(pid, folder)} | set(still_alive(recorded)))


def still_alive(recorded: Iterable[Identity]) -> list[int]:
    """Those of the noted processes that still are the same processes."""
    return [pid for pid, started in recorded if started and started_at(pid) == started]


def identity(pid: int) -> Identity:
    """What to note about a process so that a later run can recognise it."""
    return pid, started_at(pid) or ""


def _all_pids() -> list[int]:
    try:
        return [int(entry) for entry in os.listdir(PROC) if entry.isdigit()]
    except OSError:
        return []


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        return mark in PROC.joinpath(str(pid), "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _stands_in(pid: int, folder: Path) -> bool:
    try:
        if PROC.joinpath(str(pid), "comm").read_text(errors="replace").strip() not in SERVICE_NAMES:
            return False
        return Path(os.readlink(PROC / str(pid) / "cwd")).is_relative_to(folder)
    except OSError:
        return False


def end(pids: Iterable[int], first: signal.Signals = signal.SIGTERM, seconds: float = 10) -> None:
    """Ask processes that are not our children to end, then insist."""
    waiting = [identity(pid) for pid in pids]
    for sent, patience in ((first, seconds), (signal.SIGKILL, 5.0)):
        for pid in still_alive(waiting):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, sent)
        if wait_until(lambda: not still_alive(waiting), patience):
            return
