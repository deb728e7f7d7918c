"""The hall's own processes: which there are, and how each is started."""

import sys
from collections.abc import Mapping, Sequence

from runtime import processes
from runtime.datafolder import DataFolder
from runtime.ports import LOOPBACK
from runtime.venv import ROOT

QUEUES = "payments,notices,provisioning,default"
# Each thread holds a database connection of its own; on a developer's machine more would only wait for a core.
WEB_THREADS = 4


def programs(data: DataFolder, environ: Mapping[str, str], port: int) -> list[processes.Program]:
    """In the order they are started: the stand-in, the worker, the scheduler, the web server."""
    # Modules are run by `python -m`: the scripts in .venv/bin break when the checkout is moved.
    sandbox = ["sandbox", "serve", "--port", str(port + 1), "--keys", str(data.keys)]
    sandbox += ["--state", str(data.work / "sandbox.sqlite")]
    worker = ["celery", "-A", "hall", "worker", "-Q", QUEUES, "-c", "2", "-n", "hall@%h", "--without-mingle"]
    beat = ["celery", "-A", "hall", "beat", "--schedule", str(data.work / "beat-schedule"), "--pidfile="]
    web = ["granian", "--interface", "wsgi", "--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    web += ["--blocking-threads", str(WEB_THREADS), "--no-ws", "hall.wsgi:application"]
    modules = {"sandbox": sandbox, "worker": worker, "beat": beat, "web": web}
    return [_program(data, name, module, environ) for name, module in modules.items()]


def _program(
    data: DataFolder, name: str, module: Sequence[str], environ: Mapping[str, str]
) -> processes.Program:
    return processes.Program(
        name=name,
        command=(sys.executable, "-m", *module),
        environ=environ,
        folder=ROOT,
        log=data.log(name),
        patience_seconds=20 if name == "worker" else 10,
        tethered=True,
    )
