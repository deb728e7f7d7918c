"""One stylesheet and one script for every page, put together from the sources in static/ without any build tool.

`{% static 'bundles/hall.css' %}` and `…/hall.js` are made when they are asked for (development, tests) or collected
(`manage.py collectstatic`), and made anew as soon as one of their sources is newer.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.utils import matches_patterns
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage, Storage

# Later sources stand over earlier ones.
BUNDLES = {
    "bundles/hall.css": (
        "css/tokens.css",
        "css/hall.css",
        "css/parts.css",
        "css/pieces.css",
        "css/front.css",
        "css/offers.css",
        "css/serving.css",
        "css/arrears.css",
        "css/modes.css",
    ),
    "bundles/hall.js": ("django_htmx/htmx-2.min.js", "js/hall.js", "js/countdown.js"),
}
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


class SourceMissing(Exception):
    """A bundle names a source that no app and no folder has."""


class BundleFinder(finders.BaseFinder):
    """Finds the bundles for django.contrib.staticfiles, as its other finders find files."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """Where the bundle lies, up to date; a list with it for `find_all`, an empty one if it is none of ours."""
        name = path.replace(os.sep, "/")
        if name not in BUNDLES:
            return []
        found = str(made(name))
        return [found] if find_all or kwargs.get("all") else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        storage = FileSystemStorage(location=_folder())
        for name in BUNDLES:
            if not matches_patterns(name, list(ignore_patterns or ())):
                made(name)
                yield name, storage


def made(name: str) -> Path:
    """The bundle's file; its time is that of the newest source, so that a change of any makes it anew."""
    sources = [_source(each) for each in BUNDLES[name]]
    newest = max(each.stat().st_mtime_ns for each in (*sources, Path(__file__)))
    target = _folder() / name
    if not target.exists() or target.stat().st_mtime_ns != newest:
        _write(target, joined(name, (each.read_text(encoding="utf-8") for each in sources)), newest)
    return target


def joined(name: str, texts: Iterable[str]) -> str:
    """The sources one after another; of stylesheets without comments and indentation."""
    if name.endswith(".js"):
        return "".join(f"{text.rstrip()}\n;\n" for text in texts)
    lines = (line.strip() for text in texts for line in _COMMENT.sub("", text).splitlines())
    return "\n".join(line for line in lines if line) + "\n"


def _folder() -> Path:
    return Path(settings.BASE_DIR) / ".hall"


def _source(name: str) -> Path:
    found = finders.find(name)
    if not found:
        raise SourceMissing(name)
    return Path(str(found))


def _write(target: Path, text: str, newest: int) -> None:
    """At once, so that a process beside this one never reads half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    os.utime(part, ns=(newest, newest))
    part.replace(target)
