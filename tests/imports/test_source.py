import gzip
from pathlib import Path

import pytest

from core.imports.errors import FileTooLarge, NotText, UnreadableFile
from core.imports.source import Source
from tests import shared_data
from tests.imports import build


def test_plain_and_packed_files_give_the_same_bytes(tmp_path: Path) -> None:
    content = "户号\r\n1\r\n".encode() * 1000
    for path in (
        build.file(tmp_path, content),
        build.file(tmp_path, gzip.compress(content), "export.csv.gz"),
        build.file(tmp_path, gzip.compress(content), "packed-without-saying-so.csv"),
    ):
        with Source(path) as source:
            survey = source.survey()
            assert b"".join(source.blocks(777)) == content
        assert (survey.bytes, survey.lines, survey.is_utf8) == (len(content), 2000, True)


def test_a_second_pass_starts_at_the_beginning(tmp_path: Path) -> None:
    with Source(build.file(tmp_path, gzip.compress(b"abc"))) as source:
        assert source.open().read() == source.open().read() == b"abc"


def test_what_unpacks_to_more_than_the_cap_is_refused_while_it_is_read(tmp_path: Path) -> None:
    path = build.file(tmp_path, gzip.compress(b"0" * 50_000_000))
    assert path.stat().st_size < 100_000
    with Source(path, max_bytes=1_000_000) as source, pytest.raises(FileTooLarge):
        source.survey()


def test_the_cap_itself_is_allowed(tmp_path: Path) -> None:
    with Source(build.file(tmp_path, b"12345"), max_bytes=5) as source:
        assert source.survey().bytes == 5


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_broken_archive_is_refused(tmp_path: Path, cut: int) -> None:
    packed = gzip.compress(bytes(range(256)) * 40)
    with Source(build.file(tmp_path, packed[:-cut])) as source, pytest.raises(UnreadableFile):
        source.survey()


@pytest.mark.parametrize(
    "magic", [b"PK\x03\x04 a workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 an old one", b"%PDF-1.7"]
)
def test_a_workbook_given_for_a_csv_is_named(tmp_path: Path, magic: bytes) -> None:
    with Source(build.file(tmp_path, magic)) as source, pytest.raises(NotText):
        source.head()


def test_a_zip_bomb_for_a_csv_is_refused_at_its_first_bytes() -> None:
    with Source(shared_data.require("hostile/bill_zip_bomb_200MB.zip")) as source, pytest.raises(NotText):
        source.head()


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.csv", tmp_path):
        with pytest.raises(UnreadableFile):
            Source(path)
