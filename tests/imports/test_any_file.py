"""Whatever bytes come, the run ends: with every row counted, or with a clear refusal and nothing written."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.models import BillingAccount
from accounts.services import bulk_accounts
from core.imports.errors import BadHeader, NotText, UnknownEncoding, UnreadableFile
from tests.imports import build

pytestmark = pytest.mark.django_db
IMPORT_ERRORS = (BadHeader, NotText, UnknownEncoding, UnreadableFile)
HEADER = build.ACCOUNT_HEADER
CELL = st.one_of(
    st.sampled_from(
        ["8100000001", "张伟", "13800000001", "0", "1.50", '"', "", "NULL", "\0", "\u202e", "=1", "\ud800"]
    ),
    st.text(max_size=12),
)
LINE = st.lists(CELL, min_size=1, max_size=7).map(",".join)
ANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(folder: Path, content: bytes) -> None:
    path = build.file(folder, content)
    try:
        result = build.load(bulk_accounts.load, path, chunk_rows=3)
    except IMPORT_ERRORS:
        return
    assert result.counts.failed == 0
    assert BillingAccount.objects.count() >= result.counts.created


@ANY
@given(st.lists(LINE, max_size=12), st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-be"]))
def test_any_lines_in_any_encoding(tmp_path: Path, lines: list[str], encoding: str) -> None:
    check(tmp_path, (HEADER + "\r\n".join(lines)).encode(encoding, "replace"))


@ANY
@given(st.binary(max_size=400))
@example(b"\xff\xfe\0")
@example(b"\x1f\x8b")
@example(b"\xef\xbb\xbf")
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    check(tmp_path, content)
    check(tmp_path, HEADER.encode() + content)
    check(tmp_path, HEADER.encode("utf-16") + content)
    check(tmp_path, gzip.compress(HEADER.encode() + content))
