"""`script/manage`: one management command on the data of this machine's hall, whether that runs now or not."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from runtime import datafolder, environment
from runtime.console import Problem
from runtime.services import Services
from runtime.venv import ROOT

# These change tables or rights, which the role of the web server and the workers may not.
OWNER_COMMANDS = frozenset(
    {"migrate", "migrate_safely", "database_roles", "createcachetable", "flush", "restore"}
)


def manage(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run manage.py with the services of the data folder; starts and stops them when no hall is running."""
    data = datafolder.prepare(datafolder.choose(ROOT, environ, is_root=os.geteuid() == 0))
    services = Services(data, environ)
    try:
        with datafolder.locked(data):
            try:
                services.start()
                return _run(arguments, services, environ)
            finally:
                services.stop()
    except datafolder.AlreadyRunning:
        services.attach()
        return _run(arguments, services, environ)


def _run(arguments: Sequence[str], services: Services, environ: Mapping[str, str]) -> int:
    data = services.data
    addresses = services.environment()
    if arguments and arguments[0] in OWNER_COMMANDS:
        addresses["DATABASE_URL"] = services.owner_url
    whole = environment.for_processes(data, services.credentials, addresses, _port(data), environ)
    folder = environ.get("HALL_CALLER_FOLDER") or os.getcwd()
    (data.root / "backups").mkdir(mode=0o700, exist_ok=True)
    # Ctrl-C in the terminal reaches the command itself; we wait until it has ended in order.
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments], env=whole, cwd=folder
        ).returncode
    except FileNotFoundError:
        raise Problem(f"The folder {folder} is gone.") from None


def _port(data: datafolder.DataFolder) -> int:
    """The port of the running hall's web server, so that links in messages lead there; else the usual one."""
    url = str(data.read_state().get("supervisor", {}).get("url", ""))
    digits = url.rstrip("/").rpartition(":")[2]
    return int(digits) if digits.isdecimal() else 8000
