"""The random passwords and secrets of one installation, made once and kept in its data folder."""

import json
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from runtime.datafolder import write_private


def _random() -> str:
    # URL-safe, so that it can stand in a connection URL as it is.
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Credentials:
    """One secret per purpose. Losing the file is survived: passwords are set anew at each start."""

    admin_password: str = field(default_factory=_random)
    owner_password: str = field(default_factory=_random)
    app_password: str = field(default_factory=_random)
    readonly_password: str = field(default_factory=_random)
    broker_password: str = field(default_factory=_random)
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(50))
    sms_gateway_secret: str = field(default_factory=_random)


def load(path: Path) -> Credentials:
    """Read the secrets; whatever is missing or unreadable is made and written back."""
    kept = _read(path)
    credentials = Credentials(**kept)
    if asdict(credentials) != kept:
        write_private(path, json.dumps(asdict(credentials), indent=1))
    return credentials


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    known = {item.name for item in fields(Credentials)}
    return {
        name: value for name, value in found.items() if name in known and isinstance(value, str) and value
    }
