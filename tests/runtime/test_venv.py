import re
from pathlib import Path

import pytest

from runtime import venv


def test_the_fingerprint_follows_content_and_python_version(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("a==1\n")
    first = venv.fingerprint([file], "3 11 2")
    assert venv.fingerprint([file], "3 11 2") == first
    assert venv.fingerprint([file], "3 13 0") != first
    file.write_text("a==2\n")
    assert venv.fingerprint([file], "3 11 2") != first


def test_requirement_lines_come_without_comments() -> None:
    assert venv.requirements("# why\na==1  # because\n\nb==2") == ["a==1", "b==2"]


@pytest.mark.parametrize("name", [venv.BASE, venv.DEVELOPMENT, venv.EMBEDDED])
def test_every_requirement_is_pinned(name: str) -> None:
    lines = venv.requirements((venv.ROOT / name).read_text(encoding="utf-8"))
    assert lines
    assert [
        line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z,-]+\])?==[0-9][^ ]*", line)
    ] == []


def test_no_package_is_pinned_twice() -> None:
    names = [
        line.partition("==")[0].partition("[")[0].lower()
        for file in (venv.BASE, venv.DEVELOPMENT, venv.EMBEDDED)
        for line in venv.requirements((venv.ROOT / file).read_text(encoding="utf-8"))
    ]
    assert sorted(names) == sorted(set(names))
