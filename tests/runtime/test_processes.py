import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime import processes
from runtime.processes import Program

SLEEP = "import time; time.sleep(60)"


def program(folder: Path, *command: str, **changes: object) -> Program:
    values: dict[str, object] = {
        "name": "it",
        "command": command,
        "environ": os.environ,
        "folder": folder,
        "log": folder / "it.log",
    }
    return Program(**(values | changes))  # type: ignore[arg-type]


def test_a_stopped_process_takes_its_children_with_it(tmp_path: Path) -> None:
    start_child = f"print(subprocess.Popen([sys.executable, '-c', '{SLEEP}']).pid, flush=True)"
    code = f"import subprocess, sys; {start_child}; {SLEEP}"
    parent = program(tmp_path, sys.executable, "-c", code)
    process = processes.start(parent)
    assert processes.wait_until(lambda: parent.log.read_text().endswith("\n"), 10)
    child = int(parent.log.read_text())
    assert processes.started_at(child)
    processes.stop(parent, process)
    assert processes.wait_until(lambda: processes.started_at(child) is None, 5)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_a_tethered_process_ends_with_a_killed_supervisor(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys, time\n"
        "from runtime.processes import Program, start\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        f"command = (sys.executable, '-c', '{SLEEP}')\n"
        "child = start(Program('it', command, os.environ, folder, folder / 'it.log', tethered=True))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)"
    )
    root = Path(processes.__file__).parent.parent
    supervisor = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout
    child = int(supervisor.stdout.readline())
    time.sleep(0.3)  # the tether ties itself before it becomes the command
    assert processes.started_at(child)
    supervisor.kill()
    supervisor.wait()
    assert processes.wait_until(lambda: processes.started_at(child) is None, 5)


def test_leftovers_are_known_by_their_mark_and_no_other_data_folder_is_touched(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    running = []
    for root in (ours, theirs):
        root.mkdir()
        marked = {**os.environ, processes.MARK: str(root)}
        running.append(processes.start(program(root, sys.executable, "-c", SLEEP, environ=marked)))
    try:
        assert processes.leftovers(ours) == [running[0].pid]
        processes.end(processes.leftovers(ours))
        assert running[0].wait(5) == -signal.SIGTERM
        assert processes.leftovers(ours) == []
        assert running[1].poll() is None
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_a_noted_number_that_another_process_has_now_is_not_taken_for_ours() -> None:
    pid, started = processes.identity(os.getpid())
    assert processes.still_alive([(pid, started)]) == [pid]
    assert processes.still_alive([(pid, "another start")]) == []
    assert processes.still_alive([(pid, "")]) == []


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    noted = processes.identity(child.pid)
    assert processes.wait_until(lambda: processes.started_at(child.pid) is None, 10)
    assert processes.still_alive([noted]) == []
    child.wait()


def test_a_large_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LARGEST_LOG", 10)
    log = tmp_path / "it.log"
    log.write_text("x" * 11)
    processes.open_log(log).close()
    assert log.read_text() == ""
    assert (tmp_path / "it.log.1").read_text() == "x" * 11


def test_the_end_of_a_log_is_readable_even_when_it_is_not_text(tmp_path: Path) -> None:
    log = tmp_path / "it.log"
    log.write_bytes(b"\xff\xfe\n" + b"line\n" * 30)
    assert processes.last_lines(log, 2) == "    line\n    line"
    assert processes.last_lines(tmp_path / "none.log") == "    (no log)"
