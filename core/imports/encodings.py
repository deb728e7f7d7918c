"""Which encoding a file is written in, told from its bytes and never from hope."""

import codecs

from charset_normalizer import from_bytes
from django.utils.translation import gettext as _

from core.imports.errors import UnknownEncoding
from core.imports.source import BLOCK, Source, Survey

AUTO = "auto"
_MARKS = (  # UTF-32's little-endian mark begins with UTF-16's: it comes first
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES = ("utf-8", "gb18030")
_BROKEN_AT_MOST = 10  # one line in ten may be damaged before we say that we do not know the encoding
_NULS_AT_LEAST = 50  # one byte in fifty: every separator, digit and line end of UTF-16 has one
_ONE_SIDED = 0.95
_GUESS_FROM = 64 * 1024  # bytes


def known(name: str) -> bool:
    """Whether text can be read with the encoding of this name."""
    try:
        return bool(codecs.lookup(name)._is_text_encoding)
    except LookupError:
        return False


def detect(source: Source, head: bytes, survey: Survey) -> str:
    """The encoding of the whole file: its byte-order mark, else UTF-16 without one, else UTF-8, else GB18030.

    A file with some damaged lines is read in the encoding under which fewest are (they become rejects); one that
    is damaged all over raises UnknownEncoding.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if wide := _utf16_without_mark(head):
        return wide
    if survey.is_utf8:
        return "utf-8"
    return _least_broken(source)


def _utf16_without_mark(head: bytes) -> str:
    even, odd = head[0::2].count(0), head[1::2].count(0)
    nuls = even + odd
    if nuls * _NULS_AT_LEAST < len(head) or not nuls:
        return ""
    if odd >= nuls * _ONE_SIDED:
        return "utf-16-le"
    return "utf-16-be" if even >= nuls * _ONE_SIDED else ""


def _least_broken(source: Source) -> str:
    lines, broken = 0, dict.fromkeys(_CANDIDATES, 0)
    stream = source.open()
    while line := stream.readline(BLOCK):
        lines += 1
        for name in _CANDIDATES:
            broken[name] += not _decodes(line, name)
    best = min(_CANDIDATES, key=lambda name: broken[name])
    if broken[best] * _BROKEN_AT_MOST > lines:
        raise UnknownEncoding(guess=_guess(source))
    return best


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _guess(source: Source) -> str:
    """A hint for the operator; never used to read."""
    best = from_bytes(source.head(_GUESS_FROM)).best()
    return best.encoding if best else _("二进制数据")
