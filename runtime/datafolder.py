"""The folder that holds everything the hall keeps on this machine: databases, logs, keys and passwords."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.accounts import Account
from runtime.console import Problem

MARKER = "hall-data.json"
# Unix allows about 107 bytes for a socket's path; PostgreSQL adds "/.s.PGSQL.12345".
LONGEST_SOCKET_FOLDER = 85


class AlreadyRunning(Problem):
    """Another process holds the data folder."""


def write_private(path: Path, text: str, account: Account | None = None, mode: int = 0o600) -> None:
    """Replace a file in one step, readable only by its owner, so that a crash leaves the old or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(name, mode)
    if account is not None:
        account.own(Path(name))
    os.replace(name, path)


@dataclass(frozen=True)
class DataFolder:
    """Names every place inside the data folder."""

    root: Path

    @property
    def marker(self) -> Path:
        return self.root / MARKER

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def broker(self) -> Path:
        return self.root / "broker"

    @property
    def programs(self) -> Path:
        return self.root / "programs"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def work(self) -> Path:
        """Scratch files of our own processes, such as the schedule of beat and the state of the sandbox."""
        return self.root / "work"

    @property
    def credentials(self) -> Path:
        return self.root / "credentials.json"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def sockets(self) -> Path:
        """PostgreSQL's socket folder: inside the data folder, unless that path is too long or odd for a socket."""
        inside = self.root / "sockets"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER and "," not in str(inside):
            return inside
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return Path("/tmp") / f"hall-{os.geteuid()}-{digest}"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def read_state(self) -> dict[str, Any]:
        """What the last run noted (ports, process numbers); empty when there is nothing readable."""
        try:
            noted = json.loads(self.state.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}

    def note(self, **changes: Any) -> None:
        """Write values into the state file beside those already there."""
        write_private(self.state, json.dumps(self.read_state() | changes, indent=1))

    def remove_contents(self) -> None:
        """Drop all data. Only what the hall itself makes is touched, and only in a folder it has marked."""
        if not self.marker.exists():
            raise Problem(f"{self.root} carries no {MARKER}, so it is not the hall's: nothing was removed.")
        for folder in (
            self.postgres,
            incomplete(self.postgres),
            self.broker,
            self.logs,
            self.keys,
            self.work,
        ):
            if folder.exists():
                shutil.rmtree(folder)
        for file in (self.credentials, self.state):
            file.unlink(missing_ok=True)


def incomplete(folder: Path) -> Path:
    """Where a folder is built before it is renamed, so that a half-built one is never taken for whole."""
    return folder.with_name(f"{folder.name}.incomplete")


def choose(checkout: Path, environ: Mapping[str, str], *, is_root: bool) -> Path:
    """HALL_DATA_DIR, else `.hall` in the checkout; for root a folder under /var/lib, because the account that
    runs PostgreSQL then may not be able to reach the checkout."""
    chosen = environ.get("HALL_DATA_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if not is_root:
        return checkout / ".hall"
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", checkout.name).strip("-.") or "hall"
    digest = hashlib.sha256(os.fsencode(checkout)).hexdigest()[:10]
    return Path("/var/lib/hall") / f"{name}-{digest}"


def prepare(root: Path) -> DataFolder:
    """Make the folder when it is missing and mark it as ours; a folder with other things in it is refused."""
    data = DataFolder(root)
    try:
        _make(data)
    except OSError as error:
        raise Problem(
            f"Cannot make the data folder {root}: {error.strerror}.\nSet HALL_DATA_DIR to a folder you can write."
        ) from None
    return DataFolder(root.resolve())


def _make(data: DataFolder) -> None:
    _make_parents(data.root)
    if not data.marker.exists():
        if any(not entry.name.startswith(f".{MARKER}.") for entry in data.root.iterdir()):
            raise Problem(
                f"The folder {data.root} is not empty and was not made by the hall.\n"
                "Set HALL_DATA_DIR to an empty or new folder."
            )
        write_private(data.marker, json.dumps({"format": 1}), mode=0o644)
    # As root the services' account must pass through, but sees no names; the private files keep their own modes.
    data.root.chmod(0o711 if os.geteuid() == 0 else 0o700)
    for folder in (data.logs, data.keys, data.work):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)


def _make_parents(root: Path) -> None:
    """Parents that we make can be passed through whatever the umask is; parents that exist are left alone."""
    for folder in reversed([root, *root.parents]):
        if not folder.exists():
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
    if not stat.S_ISDIR(root.stat().st_mode):
        raise NotADirectoryError(20, "it is not a folder")


@contextmanager
def locked(data: DataFolder) -> Iterator[None]:
    """Hold the folder for one supervisor. The kernel drops the lock with the process, however that ends."""
    with data.lock.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunning(_already_running(data), exit_code=2) from None
        yield


def _already_running(data: DataFolder) -> str:
    running = data.read_state().get("supervisor", {})
    return (
        f"The hall already runs with the data folder {data.root}"
        f" (process {running.get('pid', 'unknown')}, {running.get('url', 'address unknown')}).\n"
        "Stop it with Ctrl-C in its terminal, or set HALL_DATA_DIR to another folder for a second hall."
    )
