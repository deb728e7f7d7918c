"""Settings from the environment. What is missing, unreadable or weak is collected, and stops the start all at once.

Each settings module that Django may be given ends with `env.finish()`.
"""

import os
from pathlib import Path
from urllib.parse import quote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_SECRET_LENGTH = 50  # characters of a secret key; as Django's own check wants it
_SECRET_VARIETY = 10  # different ones among them
asked: dict[str, str | None] = {}  # every variable that was asked for → its default, None: it must be given
_problems: list[str] = []


def complain(problem: str) -> None:
    """Notes what is wrong; `finish` tells it together with the rest."""
    if problem not in _problems:
        _problems.append(problem)


def finish() -> None:
    """Stops the start with everything that was noted, one line each; or does nothing."""
    if _problems:
        raise ImproperlyConfigured(
            f"{len(_problems)} settings are missing or weak:\n" + "\n".join(f"- {each}" for each in _problems)
        )


def text(name: str, default: str | None = None) -> str:
    """The value of `name`, or the content of the file that `name`_FILE points to (secrets)."""
    asked.setdefault(name, default)
    if value := os.environ.get(name):
        return value
    if path := os.environ.get(f"{name}_FILE"):
        return _content(name, path)
    if default is None:
        complain(f"set {name} (or {name}_FILE) in the environment")
        return ""
    return default


def _content(name: str, path: str) -> str:
    try:
        value = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        complain(f"{name}_FILE: cannot read {path}: {reason}")
        return ""
    if not value:
        complain(f"{name}_FILE: {path} is empty")
    return value


def together(*names: str) -> bool:
    """Whether all of `names` are set; False: none is, or some alone, which is noted with the names of the others."""
    missing = [name for name in names if not text(name, "")]
    if missing and len(missing) < len(names):
        complain(f"set {', '.join(missing)} too, or none of {', '.join(names)}")
    return not missing


def flag(name: str, default: bool = False) -> bool:
    value = text(name, "")
    if value.lower() in {"", "0", "false", "no"}:
        return False if value else default
    if value.lower() not in {"1", "true", "yes"}:
        complain(f"{name} must be 1 or 0, not {value!r}")
    return True


def number(name: str, default: int, *, least: int = 0) -> int:
    """A whole number of at least `least`."""
    value = text(name, str(default))
    if not value.isascii() or not value.isdecimal() or int(value) < least:
        complain(f"{name} must be a whole number from {least} on, not {value!r}")
        return default
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def amounts(name: str, defaults: dict[str, int]) -> dict[str, int]:
    """Whole numbers by key, from "key=number,key=number"; keys that are not among the defaults stop the start."""
    found = dict(defaults)
    for word in words(name):
        key, _sep, value = word.partition("=")
        if key not in defaults or not value.isascii() or not value.isdecimal():
            complain(f"{name}: {word!r} is not KEY=NUMBER with one of {', '.join(defaults)}")
        else:
            found[key] = int(value)
    return found


def secret(name: str) -> str:
    """A secret that nobody guesses: long, of many different characters, not the one of an example."""
    value = text(name)
    if value and (len(value) < _SECRET_LENGTH or len(set(value)) < _SECRET_VARIETY):
        complain(
            f"{name} is weak: at least {_SECRET_LENGTH} characters, {_SECRET_VARIETY} different ones; "
            'make one with: python -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    return value


def hosts(name: str) -> list[str]:
    """Host names by which the hall may be called: at least one, and never all."""
    found = words(name)
    if not found:
        complain(f"set {name}: the host names of the hall, separated by commas")
    for host in found:
        if "*" in host or "/" in host:
            complain(f"{name}: {host!r} is no host name (neither * nor an address with https://)")
    return found


def https(name: str, *, is_required: bool = True) -> str:
    """An address that begins with https://."""
    value = text(name) if is_required else text(name, "")
    if value and (urlsplit(value).scheme != "https" or not urlsplit(value).hostname):
        complain(f"{name} must be an address that begins with https://, not {value!r}")
    return value


def origins(name: str) -> list[str]:
    """Addresses from which forms are taken: at least one, each with https://."""
    found = words(name)
    if not found:
        complain(f"set {name}: the addresses of the hall with https://, separated by commas")
    for origin in found:
        if urlsplit(origin).scheme != "https" or urlsplit(origin).path:
            complain(f"{name}: {origin!r} must be https:// and a host name, without a path")
    return found


def address(name: str, password: str) -> str:
    """A server's URL; where it has no password, the one that `password` (or its _FILE) gives is put in."""
    url, word = text(name), text(password, "")
    parts = urlsplit(url)
    if not url or not word or parts.password:
        return url
    port = f":{parts.port}" if parts.port else ""
    user = f"{parts.username or ''}:{quote(word, safe='')}@{parts.hostname or ''}{port}"
    return parts._replace(netloc=user).geturl()
