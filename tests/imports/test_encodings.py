import codecs
from pathlib import Path

import pytest

from core.imports import encodings
from core.imports.errors import UnknownEncoding
from core.imports.source import Source, text
from tests.imports import build

TEXT = "户号,姓名,余额\r\n8100000001,张伟𠮷,26.00\r\n" * 50


def detect(path: Path) -> str:
    with Source(path) as source:
        return encodings.detect(source, source.head(), source.survey())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8-sig"),
        (TEXT.encode("gb18030"), "gb18030"),
        (TEXT.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-32"), "utf-32"),
        (b"a,b\r\n1,2\r\n", "utf-8"),
        (b"", "utf-8"),
    ],
)
def test_the_encoding_is_told_from_the_bytes(tmp_path: Path, content: bytes, expected: str) -> None:
    path = build.file(tmp_path, content)
    assert detect(path) == expected
    with Source(path) as source:
        stream = text(source, expected)
        assert stream.read() == (TEXT if len(content) > 50 else content.decode())
        stream.detach()


def test_a_chinese_name_far_behind_an_ascii_head_is_found(tmp_path: Path) -> None:
    content = b"1,plain\r\n" * 300_000 + "2,张伟\r\n".encode("gb18030")
    assert detect(build.file(tmp_path, content)) == "gb18030"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_one_damaged_line_does_not_change_the_encoding(tmp_path: Path, encoding: str) -> None:
    lines = [f"{number},张伟李四".encode(encoding) for number in range(100)]
    lines[50] = b"50,\xff\xfe\x81"
    assert detect(build.file(tmp_path, b"\n".join(lines))) == encoding


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    noise = b"\n".join(bytes((17 * i * j) % 255 + 1 for j in range(1, 80)) for i in range(1, 60))
    with pytest.raises(UnknownEncoding):
        detect(build.file(tmp_path, noise))


def test_a_few_nul_bytes_do_not_make_utf16(tmp_path: Path) -> None:
    assert detect(build.file(tmp_path, b"8100000001,abc\r\n" * 100 + b"\0\0\r\n")) == "utf-8"


def test_names_of_encodings() -> None:
    assert encodings.known("big5")
    assert encodings.known("GBK")
    assert not encodings.known("klingon")
    assert not encodings.known("zlib")  # a codec, but not of text
