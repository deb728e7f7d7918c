from importlib import import_module
from pkgutil import walk_packages
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import override

from core.errors import HallError
from operations.api import errors

_HEAD = """# Error codes

Written by `manage.py api_errors > docs/api-errors.md`; a test fails when this file is older than the code.

An error is `{"code", "message", "fields", "slip_number"}` with the HTTP status. `code` never changes once published;
`message` is a sentence for people, in the language of `Accept-Language`; `fields` has the messages per field of the
input; `slip_number` names the slip that a refusal left, or is empty. With `QUOTE_CHANGED` comes the new `quote`.

| code | status | message |
|---|---|---|
"""
_LEFT_OUT = ("management", "migrations", "settings", "demo")


class Command(BaseCommand):
    help = "Prints the codes of all errors that a customer or a program can meet, as Markdown."

    def handle(self, **options: Any) -> None:
        self.stdout.write(document(), ending="")


def document() -> str:
    """The whole of docs/api-errors.md."""
    _import_everything()
    with override(settings.LANGUAGE_CODE):
        rows = {
            *errors.framework_codes(),
            *((kind.code, kind.status, str(kind.message)) for kind in _kinds()),
        }
        rows -= {row for row in rows if row[0] == "CONFLICT"}  # never given itself
        lines = [f"| `{code}` | {status} | {text} |" for code, status, text in sorted(rows)]
    return _HEAD + "\n".join(lines) + "\n"


def _kinds() -> set[type[HallError]]:
    """The errors of our own rooms: a test's are none."""
    rooms = {config.name for config in apps.get_app_configs()}
    found: set[type[HallError]] = set()
    waiting = [HallError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.partition(".")[0] in rooms and isinstance(
            kind.__dict__.get("code", kind.code), str
        ):
            found.add(kind)
    return found


def _import_everything() -> None:
    for config in apps.get_app_configs():
        if "site-packages" in config.path:
            continue
        for module in walk_packages([config.path], f"{config.name}."):
            if not any(part in _LEFT_OUT for part in module.name.split(".")):
                import_module(module.name)
