"""A statement's bytes as they were made: from a plain file, a gzip file, or the one fitting member of a zip.

Nothing is ever written to disk, no name inside an archive is used, and what it unpacks to is capped while streaming.
"""

import codecs
import gzip
import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self, cast

from django.utils.translation import gettext as _

from billing.statements import contents
from billing.statements.base import (
    EncryptedStatement,
    FundFlow,
    SeveralStatements,
    StatementTooLarge,
    SummaryOnly,
    UnknownLayout,
    UnreadableStatement,
)
from billing.statements.contents import Content

MAX_BYTES = 1024**3  # unpacked: about three million lines
BLOCK = 1024**2
LONGEST_LINE = 65_536  # bytes or characters
SEPARATOR, QUOTE = "\x1f", "\x1e"  # never in a text that was surveyed: free for whoever writes the lines on
_NOT_IN_TEXT = (b"\0", SEPARATOR.encode(), QUOTE.encode())
_ZIP, _GZIP = b"PK", b"\x1f\x8b"
_MOST_MEMBERS = 100
_MOST_DIRECTORY_BYTES = 65_536
_HIGHEST_RATIO = 200  # of unpacked to packed; text of this kind reaches 50
_SMALL = 16 * 1024**2  # below it no ratio is suspicious
_ENCRYPTED = 0x1
_END = struct.Struct("<4s4H2LH")  # the end of a zip's central directory
_LOCATOR_BYTES = 20  # stands right before it when the directory is a large one's
_BROKEN = (
    *(OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError),
    *(IndexError, struct.error, OverflowError),  # a member without a name, sizes that fit nothing
)


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over all bytes tells. `sha256` and `sha1` are of the unpacked bytes, before any decoding."""

    bytes: int
    sha256: str
    sha1: str
    encoding: str  # "utf-8" when all of it is, else "gb18030"


class StatementFile:
    """An opened file; use as a context manager. `content` is TRADES of some channel, or the opening was refused."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        if path.exists() and not path.is_file():
            raise UnreadableStatement(why=_("%(path)s 不是普通文件") % {"path": path})
        try:
            self._raw: BinaryIO = path.open("rb")
            self._packed_bytes = path.stat().st_size
        except OSError as error:
            raise UnreadableStatement(why=f"{path}: {error.strerror}") from error
        self._member: zipfile.ZipInfo | None = None
        self._zip: zipfile.ZipFile | None = None
        try:
            self.content = self._choose()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._zip is not None:
            self._zip.close()
        self._raw.close()

    def blocks(self) -> Iterator[bytes]:
        """All unpacked bytes from the start; StatementTooLarge above the cap, UnreadableStatement when broken."""
        total = 0
        with self._stream() as stream, _broken():
            while block := stream.read(BLOCK):
                total += len(block)
                self._check_size(total)
                yield block

    def survey(self) -> Survey:
        """Reads everything once, in constant memory."""
        sha256, sha1, size = hashlib.sha256(), hashlib.sha1(usedforsecurity=False), 0
        utf8 = _Utf8()
        for block in self.blocks():
            sha256.update(block)
            sha1.update(block)
            size += len(block)
            utf8.feed(block)
            if any(mark in block for mark in _NOT_IN_TEXT) or (
                len(block) > LONGEST_LINE and b"\n" not in block
            ):
                raise UnknownLayout(why=_("不是文本文件"))
        encoding = "utf-8" if utf8.feed(b"", final=True) else "gb18030"
        return Survey(size, sha256.hexdigest(), sha1.hexdigest(), encoding)

    def lines(self, encoding: str) -> Iterator[str]:
        """The decoded lines, without line ends and byte order mark; UnreadableStatement for what is no text.

        Only what was surveyed holds none of the marks that are not in a text.
        """
        decoder, rest, is_first = codecs.getincrementaldecoder(encoding)("strict"), "", True
        for block in self.blocks():
            text = _decode(decoder, block)
            if is_first:
                text, is_first = text.removeprefix("\ufeff"), False
            joined = (rest + text).replace("\r\n", "\n")
            *whole, rest = joined.split("\n")
            if len(rest) > LONGEST_LINE:
                raise UnknownLayout(why=_("有一行太长"))
            yield from _without_returns(whole) if "\r" in joined else whole
        rest += _decode(decoder, b"", final=True)
        if rest:
            yield from _without_returns([rest])

    def _choose(self) -> Content:
        with _broken():
            magic = self._raw.read(2)
            self._is_gzip = magic == _GZIP
            if magic == _ZIP:
                return self._choose_member()
        with self._stream() as stream, _broken():
            found = contents.recognise(stream.read(contents.HEAD_BYTES))
        _refuse_unless_trades([found])
        return found

    def _choose_member(self) -> Content:
        _check_directory(self._raw, self._packed_bytes)
        self._zip = zipfile.ZipFile(self._raw)
        members = [member for member in self._zip.infolist() if not member.is_dir()]
        if any(member.flag_bits & _ENCRYPTED for member in members):
            raise EncryptedStatement()
        found = {}
        for member in members:
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise UnreadableStatement(why=_("压缩方式不受支持"))
            with self._zip.open(member) as stream:
                found[member] = contents.recognise(stream.read(contents.HEAD_BYTES))
        _refuse_unless_trades(list(found.values()))
        self._member, content = next(item for item in found.items() if item[1] in contents.TRADES)
        return content

    @contextmanager
    def _stream(self) -> Iterator[BinaryIO]:
        if self._zip is not None and self._member is not None:
            with self._zip.open(self._member) as stream:
                yield cast(BinaryIO, stream)
            return
        self._raw.seek(0)
        yield cast(BinaryIO, gzip.GzipFile(fileobj=self._raw)) if self._is_gzip else self._raw

    def _check_size(self, total: int) -> None:
        packed = self._member.compress_size if self._member else self._packed_bytes
        if total > self._max_bytes or (total > _SMALL and total > _HIGHEST_RATIO * packed):
            raise StatementTooLarge(limit=self._max_bytes)


class _Utf8:
    """Remembers whether everything fed to it was UTF-8."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._is_good = True

    def feed(self, block: bytes, *, final: bool = False) -> bool:
        if self._is_good:
            try:
                self._decoder.decode(block, final)
            except UnicodeDecodeError:
                self._is_good = False
        return self._is_good


@contextmanager
def _broken() -> Iterator[None]:
    """What the unpackers raise about a broken file becomes our refusal."""
    try:
        yield
    except _BROKEN as error:
        raise UnreadableStatement(why=_("文件或压缩包已损坏")) from error


def _decode(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> str:
    try:
        return decoder.decode(block, final)
    except UnicodeDecodeError as error:
        raise UnreadableStatement(why=_("既不是 UTF-8 也不是 GB18030 文本")) from error


def _without_returns(lines: list[str]) -> list[str]:
    """Carriage returns inside a line are spaces."""
    return [line.rstrip("\r").replace("\r", " ") for line in lines]


def _refuse_unless_trades(found: list[Content]) -> None:
    """Returns when exactly one of these is the detail of trades; raises what says best why not."""
    trades = sum(content in contents.TRADES for content in found)
    if trades > 1:
        raise SeveralStatements(count=trades)
    if trades == 1:
        return
    if not contents.FUNDS.isdisjoint(found):
        raise FundFlow()
    if Content.ALIPAY_SUMMARY in found:
        raise SummaryOnly()
    raise UnknownLayout(why=_("开头不是支付宝业务明细或微信支付交易账单"))


def _check_directory(raw: BinaryIO, size: int) -> None:
    """Refuses a directory that is too long to be a channel's, before zipfile keeps all of it in memory."""
    tail_bytes = min(size, 65_535 + _END.size + _LOCATOR_BYTES)
    raw.seek(size - tail_bytes)
    tail = raw.read(tail_bytes)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise UnreadableStatement(why=_("文件或压缩包已损坏"))
    _sig, _disk, _first, _here, members, directory_bytes, _offset, _comment = _END.unpack_from(tail, at)
    is_zip64 = tail[max(at - _LOCATOR_BYTES, 0) :].startswith(b"PK\x06\x07")
    if is_zip64 or members > _MOST_MEMBERS or directory_bytes > _MOST_DIRECTORY_BYTES:
        raise UnreadableStatement(why=_("压缩包里的文件太多"))
    raw.seek(0)
