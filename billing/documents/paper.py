"""Sheets of paper as PDF: plain texts in, bytes out. Typst sets them in this process: no network, no files written.

The same paper gives the same bytes. Fonts are embedded: Noto Sans CJK, and Noto for other scripts that names come in.
"""

import io
import json
import logging
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import segno
import typst

log = logging.getLogger(__name__)
_FOLDER = Path(__file__).parent
_FONT_PACKAGES = ("manimgx_fonts_cjk", "manimgx_fonts")
_CHINESE, _LATIN = "Noto Sans CJK SC", "Noto Sans"
_OTHERS = ("Noto Sans Arabic", "Noto Sans Symbols", "Noto Emoji")
_JOINERS = "\u200c\u200d"  # hold emoji and some scripts together
_WORD = re.compile(r"[!-~]{30}(?=[!-~])")  # what a line cannot break fits no cell beyond this


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts, the last `amounts` columns flush right. `foot` is the sum: as many texts as `head`, or none.

    `shares`: how the columns divide the width, 0 for one as wide as its texts; empty: the first has what is left.
    """

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    foot: tuple[str, ...] = ()
    amounts: int = 1
    shares: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be paid, large; with a QR code that opens `url`, unless that is ""."""

    label: str
    amount: str
    notes: tuple[str, ...] = ()
    url: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """Everything is text in the reader's language, amounts included. `pages` holds {page} and {pages}."""

    language: str  # a code of settings.LANGUAGES
    title: str
    number: str
    issuer: str
    footer: str
    pages: str
    at: datetime  # when it was made: stands in the PDF's own properties
    facts: Sequence[tuple[str, str]] = ()
    due: Due | None = None
    tables: Sequence[Table] = ()
    sums: Sequence[tuple[str, str, bool]] = ()  # label, amount, whether it is the result
    notes: Sequence[str] = field(default_factory=tuple)


def pdf(paper: Paper) -> bytes:
    """The paper as PDF, A4, as many pages as it takes.

    It is PDF/UA-1 (tagged, for who has it read aloud) unless it holds a character that no font has: that standard
    allows no boxes.
    """
    compiler = typst.Compiler(
        _FOLDER / "paper.typ",
        root=_FOLDER,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"paper": json.dumps(_plain_all(_as_json(paper)), ensure_ascii=False)},
    )
    at = int(paper.at.timestamp())
    try:
        made = compiler.compile(format="pdf", timestamp=at, pdf_standards=["ua-1"])
    except typst.TypstError:
        log.warning("a paper holds a character that no font has", extra={"paper": paper.number})
        made = compiler.compile(format="pdf", timestamp=at)
    assert isinstance(made, bytes)
    return made


def plain(text: str) -> str:
    """The text without what hides, reverses or breaks a line, and with places to break what is very long."""
    shown = "".join(map(_shown, unicodedata.normalize("NFC", text)))
    return _WORD.sub(lambda word: word[0] + "\u200b", re.sub(r"\s+", " ", shown).strip())


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category == "Cf" and character not in _JOINERS else character


def _as_json(paper: Paper) -> dict[str, object]:
    chinese = paper.language.startswith("zh")
    families = (_CHINESE, _LATIN) if chinese else (_LATIN, _CHINESE)
    value = asdict(paper) | {
        "language": "zh" if chinese else paper.language,
        "region": "cn" if chinese else None,
        "fonts": [*families, *_OTHERS],
    }
    del value["at"]
    if paper.due:
        value["due"] = asdict(paper.due) | {"qr": paper.due.url}
    return value


def _plain_all(value: object) -> object:
    """All texts inside made plain; the address of a QR code drawn."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list | tuple):
        return [_plain_all(each) for each in value]
    if isinstance(value, dict):
        return {key: _qr(each) if key == "qr" else _plain_all(each) for key, each in value.items()}
    return value


def _qr(address: str) -> str:
    """An SVG drawing that a telephone reads as this address."""
    if not address:
        return ""
    drawing = io.BytesIO()
    segno.make(address, error="m", micro=False).save(drawing, kind="svg", border=2, xmldecl=False)
    return drawing.getvalue().decode()


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    """Found once; the files are read when a character of theirs is first needed."""
    folders = [
        Path(spec.origin).parent for name in _FONT_PACKAGES if (spec := find_spec(name)) and spec.origin
    ]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)
