"""Under which system account the services run, and what that account can reach."""

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from runtime.console import Problem

CANDIDATES = ("postgres", "nobody")


class SwitchOptions(TypedDict, total=False):
    """The part of subprocess.Popen's options that changes the account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """A system account that a command is started as; `switch` is False when it is our own."""

    name: str
    uid: int
    gid: int
    switch: bool

    def popen_options(self) -> "SwitchOptions":
        """The options of subprocess.Popen that start a command as this account, all other groups dropped."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Hand a file or folder over to this account."""
        if self.switch:
            os.chown(path, self.uid, self.gid)


def for_services() -> Account:
    """PostgreSQL refuses to run as root, so root hands the services to `postgres`, or else to `nobody`."""
    if os.geteuid() != 0:
        return Account(_own_name(), os.getuid(), os.getgid(), switch=False)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid, switch=True)
    raise Problem(
        "PostgreSQL does not run as root, and there is neither a user 'postgres' nor 'nobody'.\n"
        "Make one (useradd --system postgres), run as a normal user, or set DATABASE_URL and REDIS_URL."
    )


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise Problem(
            f"The user number {os.geteuid()} has no name on this system, and PostgreSQL asks for one.\n"
            "Add it to /etc/passwd, or set DATABASE_URL and REDIS_URL to servers of your own."
        ) from None


def run(
    account: Account,
    command: Sequence[str | Path],
    *,
    environ: Mapping[str, str] | None = None,
    text: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a short command as the account, away from folders it cannot read, and return what it said."""
    return subprocess.run(
        [str(part) for part in command],
        input=text,
        env=dict(environ) if environ is not None else services_environment(),
        cwd="/",
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        **account.popen_options(),
    )


def services_environment() -> dict[str, str]:
    """A small fixed environment: the caller's PG* and LC_* variables must not reach the servers."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/", "LC_ALL": "C"}


def can_execute(account: Account, program: Path) -> bool:
    """Ask the kernel, in a child process: mode bits say nothing of the folders above, ACLs or containers."""
    try:
        return run(account, [program, "--version"]).returncode == 0
    except OSError:
        return False


def can_write(account: Account, folder: Path) -> bool:
    """True when the account can enter the folder and make files in it."""
    script = 'cd "$0" && : > .reachable && rm .reachable'
    try:
        return run(account, ["/bin/sh", "-c", script, folder]).returncode == 0
    except OSError:
        return False
