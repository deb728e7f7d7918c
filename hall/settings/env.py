"""Settings from the environment; a missing or unreadable one stops the start with its name."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """The value of `name`, or the content of the file that `name`_FILE points to (secrets)."""
    if value := os.environ.get(name):
        return value
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {error.strerror}") from error
    if default is None:
        raise ImproperlyConfigured(f"set {name} (or {name}_FILE) in the environment")
    return default


def together(*names: str) -> bool:
    """Whether all of `names` are set; False: none is. Some alone stop the start, naming what is missing."""
    missing = [name for name in names if not text(name, "")]
    if missing and len(missing) < len(names):
        raise ImproperlyConfigured(f"set {', '.join(missing)} too, or none of {', '.join(names)}")
    return not missing


def flag(name: str, default: bool = False) -> bool:
    value = os.environ.get(name, "")
    if value.lower() in {"", "0", "false", "no"}:
        return False if value else default
    if value.lower() in {"1", "true", "yes"}:
        return True
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}")


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def amounts(name: str, defaults: dict[str, int]) -> dict[str, int]:
    """Whole numbers by key, from "key=number,key=number"; keys that are not among the defaults stop the start."""
    found = dict(defaults)
    for word in words(name):
        key, _sep, value = word.partition("=")
        if key not in defaults or not value.isascii() or not value.isdecimal():
            raise ImproperlyConfigured(
                f"{name}: {word!r} is not KEY=NUMBER with one of {', '.join(defaults)}"
            )
        found[key] = int(value)
    return found
