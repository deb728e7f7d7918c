"""The list of the standard is whole, and what it names is there."""

import re

from django.conf import settings

TEXT = (settings.BASE_DIR / "docs" / "asvs.md").read_text(encoding="utf-8")
# How many requirements of levels 1 and 2 each section of the standard has: (section, the highest number to be named).
SECTIONS = {
    "V1.2": 9,
    "V2.3": 4,
    "V3.4": 6,
    "V6.2": 12,
    "V6.5": 5,
    "V7.4": 5,
    "V13.4": 5,
    "V15.3": 7,
    "V16.3": 4,
}


def named() -> set[str]:
    """Every id in the list, ranges written out."""
    found: set[str] = set()
    for first, last in re.findall(r"(V\d+\.\d+\.\d+)(?: – (V\d+\.\d+\.\d+))?", TEXT):
        section, number = first.rsplit(".", 1)
        end = int(last.rsplit(".", 1)[1]) if last.startswith(section + ".") else int(number)
        found |= {f"{section}.{n}" for n in range(int(number), end + 1)}
    return found


def test_every_chapter_and_section_is_answered_to_its_end() -> None:
    assert set(re.findall(r"^## V(\d+) ", TEXT, re.M)) == {str(n) for n in range(1, 18)}
    missing = {f"{of}.{n}" for of, most in SECTIONS.items() for n in range(1, most + 1)} - named()
    assert not missing


def test_each_line_has_a_verdict_and_a_reason() -> None:
    for line in re.findall(r"^\| V.*$", TEXT, re.M):
        _, _id, _what, verdict, why, _ = (cell.strip() for cell in line.split("|"))
        assert verdict in {"yes", "part", "no", "—"}, line
        assert verdict not in {"part", "no"} or why, line


def test_the_files_that_it_names_exist() -> None:
    paths = re.findall(r"`((?:tests|core|hall|billing|notices|operations|deploy)/[\w/.]+)`", TEXT)
    assert len(paths) > 30
    assert [path for path in paths if not (settings.BASE_DIR / path).exists()] == []
