"""Packed statements, honest ones and hostile ones: nothing is written to disk, and nothing takes long or much."""

import gzip
import os
import resource
import struct
import time
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pytest

from billing.statements import archive, reader
from billing.statements.base import StatementError
from tests.billing import statements_build as made
from tests.billing.statements_build import Row
from tests.shared_data import require

TEXT = made.alipay_text([Row("2026100300001", "H1")]).encode("gb18030")
SUMMARY = "#支付宝业务汇总查询\r\n".encode("gb18030")
FUNDS = "#支付宝账务明细查询\r\n".encode("gb18030")
MOST_SECONDS, MOST_MB_MORE = 10, 100


def lines(path: Path, *, max_bytes: int = archive.MAX_BYTES) -> int:
    with reader.opened(path, gateway="alipay", max_bytes=max_bytes) as opened:
        return len(list(opened.reader))


def code(path: Path, *, max_bytes: int = archive.MAX_BYTES) -> str:
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(StatementError) as caught:
        lines(path, max_bytes=max_bytes)
    assert time.monotonic() - started < MOST_SECONDS
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < MOST_MB_MORE
    return caught.value.code


def survey(path: Path) -> archive.Survey:
    with archive.StatementFile(path) as file:
        return file.survey()


def test_the_same_bytes_have_the_same_hash_however_they_are_packed(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.csv", tmp_path / "a.gz"
    plain.write_bytes(TEXT)
    packed.write_bytes(gzip.compress(TEXT))
    zipped = made.zipped(tmp_path, {"20880_业务明细.csv": TEXT, "20880_业务明细(汇总).csv": SUMMARY})
    assert survey(plain) == survey(packed) == survey(zipped)
    assert lines(plain) == lines(packed) == lines(zipped) == 1


def test_a_member_is_chosen_by_content_whatever_its_name(tmp_path: Path) -> None:
    wild = {"../../../../tmp/statement.csv": TEXT, "/etc/x.csv": SUMMARY, "..\\..\\win.csv": b"harmless"}
    before = set(os.listdir("/tmp")) if Path("/tmp").is_dir() else set()
    assert lines(made.zipped(tmp_path, wild)) == 1
    assert not any("statement.csv" in name for name in set(os.listdir("/tmp")) - before)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"a.csv": TEXT, "b.csv": TEXT}, "STATEMENT_SEVERAL"),
        ({"a.csv": SUMMARY}, "STATEMENT_SUMMARY_ONLY"),
        ({"a.csv": FUNDS, "b.csv": SUMMARY}, "STATEMENT_FUND_FLOW"),
        ({"a.csv": b"hello"}, "STATEMENT_UNKNOWN_LAYOUT"),
        ({}, "STATEMENT_UNKNOWN_LAYOUT"),
        ({f"{n}.csv": b"x" for n in range(101)}, "STATEMENT_UNREADABLE"),
        ({"x" * 60_000: TEXT, "y" * 60_000: b"x"}, "STATEMENT_UNREADABLE"),
    ],
)
def test_a_zip_without_one_detail_is_refused(
    tmp_path: Path, members: dict[str, bytes], expected: str
) -> None:
    assert code(made.zipped(tmp_path, members)) == expected


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = made.zipped(tmp_path, {"a.csv": TEXT})
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    path.write_bytes(content)
    assert code(path) == "STATEMENT_ENCRYPTED"


def test_a_zip_with_a_directory_of_the_large_kind_is_refused(tmp_path: Path) -> None:
    path = made.zipped(tmp_path, {"a.csv": TEXT})
    content = path.read_bytes()
    end = content.rindex(b"PK\x05\x06")
    path.write_bytes(content[:end] + b"PK\x06\x07" + bytes(16) + content[end:])
    assert code(path) == "STATEMENT_UNREADABLE"


def test_another_compression_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("a.csv", TEXT)
    assert code(path) == "STATEMENT_UNREADABLE"


def test_broken_packings_are_refused(tmp_path: Path) -> None:
    good = made.zipped(tmp_path, {"a.csv": TEXT * 5}).read_bytes()
    packed = gzip.compress(TEXT)
    broken = [good[:-10], good[:40], b"PK", b"PK\x03\x04", packed[:-9], packed[:12], b"\x1f\x8b", b""]
    broken += [good[:n] + bytes([good[n] ^ 0xFF]) + good[n + 1 :] for n in range(30, len(good), 3)]
    for number, content in enumerate(broken):
        path = tmp_path / f"broken{number}"
        path.write_bytes(content)
        try:
            lines(path)
        except StatementError:
            continue
        assert number >= 8  # one flipped bit may hit what is not looked at


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.csv", Path("/dev/null")):
        assert code(path) == "STATEMENT_UNREADABLE"


def test_the_cap_holds_while_unpacking(tmp_path: Path) -> None:
    long = TEXT + b"\r\n" * 200_000
    assert code(made.zipped(tmp_path, {"a.csv": long}), max_bytes=100_000) == "STATEMENT_TOO_LARGE"


@pytest.mark.parametrize("packing", ["gzip", "zip"])
def test_a_bomb_behind_a_right_heading_is_refused_early(tmp_path: Path, packing: str) -> None:
    path = tmp_path / "bomb"
    out: IO[bytes] | gzip.GzipFile
    with ExitStack() as stack:
        if packing == "zip":
            packed = stack.enter_context(zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED))
            out = stack.enter_context(packed.open("a.csv", "w"))
        else:
            out = stack.enter_context(gzip.open(path, "wb"))
        out.write(TEXT)
        for _ in range(200):
            out.write(b"0\n" * 500_000)
    assert code(path) == "STATEMENT_TOO_LARGE"


def test_a_line_without_an_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "endless.csv"
    path.write_bytes(TEXT[:600] + b"0" * 30_000_000)
    assert code(path) == "STATEMENT_UNKNOWN_LAYOUT"


def test_nul_bytes_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "nul.csv"
    path.write_bytes(TEXT + struct.pack("8x"))
    assert code(path) == "STATEMENT_UNKNOWN_LAYOUT"


@pytest.mark.parametrize("mark", ["\x1e", "\x1f"])
def test_the_marks_that_separate_cells_on_their_way_are_no_text(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "marks.csv"
    path.write_text(made.alipay_text([Row("2026100300001", "H1", product=f"a{mark}b")]))
    assert code(path) == "STATEMENT_UNKNOWN_LAYOUT"


def test_a_carriage_return_inside_a_row_is_a_space(tmp_path: Path) -> None:
    path = tmp_path / "returns.csv"
    path.write_bytes(made.alipay_text([Row("2026100300001", "H1", product="a\rb")]).encode())
    with reader.opened(path, gateway="alipay") as opened:
        assert [line.product for line in opened.reader] == ["a b"]


@pytest.mark.parametrize("name", ["bill_zip_bomb_200MB.zip", "bill_zip_slip.zip"])
def test_the_hostile_zips_are_refused(name: str) -> None:
    assert code(require(f"hostile/{name}")) == "STATEMENT_UNKNOWN_LAYOUT"
    assert not Path("/tmp/zip_slip_test.txt").exists()
    assert not Path("/tmp/zip_slip_abs.txt").exists()


def test_everything_else_that_is_hostile_is_refused_too() -> None:
    for path in sorted(require("hostile").iterdir()):
        assert code(path) in ("STATEMENT_UNKNOWN_LAYOUT", "STATEMENT_UNREADABLE"), path.name


@pytest.mark.parametrize("written", ["业务明细.csv".encode("gb18030"), b""])
def test_a_zip_whose_names_are_no_names_is_refused(tmp_path: Path, written: bytes) -> None:
    """A name that says to be UTF-8 and is not, and one that is empty."""
    path = tmp_path / "statement.zip"
    packed_name = ("u" * len(written)) or "u"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(packed_name, TEXT)
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"PK\x01\x02")
    if written:
        raw[at + 9] |= 0x08  # the flag that promises UTF-8
        raw[at + 46 : at + 46 + len(written)] = written
    else:
        raw[at + 28] = 0  # the length of the name; what follows is read as its extra field
        raw[at + 30] = 1
    path.write_bytes(bytes(raw))
    assert code(path) == "STATEMENT_UNREADABLE"
