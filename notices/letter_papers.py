"""A list of letters on paper: a PDF with a page (or as many as it takes) for each, and the addresses as CSV."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import typst
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import override

from core import clock
from notices import rules
from notices.models import Delivery, LetterList

_FOLDER = Path(__file__).parent
_FONT_PACKAGES = ("manimgx_fonts_cjk", "manimgx_fonts")
_FONTS = ("Noto Sans CJK SC", "Noto Sans", "Noto Sans Arabic", "Noto Sans Symbols", "Noto Emoji")
_BREAK = re.compile(r"\r\n?|\n")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would calculate what begins so


def letters_of(listed: LetterList) -> list[Delivery]:
    return list(listed.deliveries.select_related("message", "template").order_by("pk"))


def pdf(listed: LetterList, letters: Sequence[Delivery], *, issuer: str | Promise) -> bytes:
    """The letters, A4, ready for envelopes with a window, each in its language. The same list gives the same bytes."""
    given = {
        "title": listed.number,
        "language": "zh",
        "fonts": _FONTS,
        "letters": [_letter(listed, row, issuer) for row in letters],
    }
    compiler = typst.Compiler(
        _FOLDER / "letter.typ",
        root=_FOLDER,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"letters": json.dumps(given, ensure_ascii=False)},
    )
    made = compiler.compile(format="pdf", timestamp=int(listed.created_at.timestamp()))
    assert isinstance(made, bytes)
    return made


def addresses(letters: Sequence[Delivery]) -> bytes:
    """The address list as CSV in UTF-8 with the mark that spreadsheets need."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_("序号"), _("信函编号"), _("收件人"), _("姓名和地址")])
    for number, row in enumerate(letters, start=1):
        lines = " / ".join(_lines(row.address))
        writer.writerow([number, row.reference, *map(_cell, (row.message.recipient_ref, lines))])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _letter(listed: LetterList, row: Delivery, issuer: str | Promise) -> dict[str, object]:
    with override(row.message.language):
        title = rules.render(row.template.title, row.message.context) if row.template.title else ""
        return {
            "issuer": str(issuer),
            "address": _lines(row.address),
            "title": _plain(title),
            "paragraphs": _lines(row.body),
            "reference": row.reference,
            "day": formats.date_format(clock.local_date(listed.created_at), "DATE_FORMAT"),
        }


def _lines(text: str) -> list[str]:
    return [line for line in map(_plain, _BREAK.split(text)) if line]


def _plain(text: str) -> str:
    """Without what hides, reverses or breaks a line."""
    kept = (
        character for character in text if unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp")
    )
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    """Found once; the files are read when a character of theirs is first needed."""
    folders = [
        Path(spec.origin).parent for name in _FONT_PACKAGES if (spec := find_spec(name)) and spec.origin
    ]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)
