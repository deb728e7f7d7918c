"""System checks of the upkeep (`manage.py check --deploy`)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

_FILES = (
    "ALIPAY_APP_PRIVATE_KEY_FILE",
    "ALIPAY_PUBLIC_KEY_FILE",
    "WECHATPAY_MCH_PRIVATE_KEY_FILE",
    "WECHATPAY_PLATFORM_CERT_FILE",
    "BACKUP_PUBLIC_KEY_FILE",
)
_SECRET = ("ALIPAY_APP_PRIVATE_KEY_FILE", "WECHATPAY_MCH_PRIVATE_KEY_FILE")


def unusable_files() -> list[tuple[str, str]]:
    """Key files that the settings name and that cannot be used as they are: (setting, why)."""
    found = [
        (name, _trouble(name, Path(getattr(settings, name)))) for name in _FILES if getattr(settings, name)
    ]
    return [(name, why) for name, why in found if why]


def _trouble(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            if not file.read(1):
                return f"{path} is empty"
        if name in _SECRET and path.stat().st_mode & 0o007:
            return f"{path} may be read by everybody on its machine"
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""


@register(deploy=True)
def key_files_are_usable(**_: Any) -> Sequence[CheckMessage]:
    """hall.W001: each key file that is named can be read, and a private one not by everybody."""
    return [
        Warning(f"{name}: {why}", hint="See docs/deployment.md.", id="hall.W001")
        for name, why in unusable_files()
    ]
