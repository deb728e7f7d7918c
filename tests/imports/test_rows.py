import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.imports import rows
from core.imports.rejects import Reject
from core.imports.rows import Row
from tests.imports import build


def test_line_numbers_are_those_of_a_text_editor() -> None:
    found = build.rows('a,b\n1,"x\ny\nz"\n\n2,c\r\n3,d\r4,e')
    assert [(row.line, row.last_line) for row in found] == [(1, 1), (2, 4), (5, 5), (6, 6), (7, 7), (8, 8)]


def test_cells_keep_quotes_commas_and_line_breaks() -> None:
    assert build.cells('"李,逗号","带""引号""的","多行\n地址",5" 管\n') == [
        ["李,逗号", '带"引号"的', "多行\n地址", '5" 管']
    ]


def test_a_quote_that_is_never_closed_costs_one_line() -> None:
    found = build.rows('1,a\n2,"b\n' + "".join(f"{n},c\n" for n in range(3, 500)))
    assert [row.line for row in found] == list(range(1, 500))
    bad = found[1]
    assert isinstance(bad, Reject)
    assert (bad.reason.code, bad.value) == ("BAD_QUOTES", '2,"b')
    assert sum(isinstance(row, Reject) for row in found) == 1


def test_two_lonely_quotes_do_not_swallow_what_is_between_them() -> None:
    found = build.rows('1,a\n2,"b\n3,c\n4,d\n5,"e\n6,f\n')
    assert [row.line for row in found if isinstance(row, Reject)] == [2, 5]
    assert [row.cells for row in found if isinstance(row, Row)] == [
        ["1", "a"],
        ["3", "c"],
        ["4", "d"],
        ["6", "f"],
    ]


def test_text_after_a_closing_quote_is_refused() -> None:
    found = build.rows('1,"a"b\n2,c\n')
    assert [type(row) for row in found] == [Reject, Row]


def test_a_line_above_the_limit_is_refused_and_the_next_one_read() -> None:
    found = build.rows("1,a\n2," + "x" * 5_000_000 + "\n3,c\n")
    assert [row.line for row in found] == [1, 2, 3]
    assert isinstance(found[1], Reject)
    assert found[1].reason.code == "LINE_TOO_LONG"


def test_a_line_above_the_limit_within_quotes_costs_both_lines_and_no_more() -> None:
    found = build.rows('1,"a\n2,' + "x" * (rows.MAX_LINE + 1) + "\n3,c\n")
    assert [(row.line, isinstance(row, Reject)) for row in found] == [(1, True), (2, True), (3, False)]


def test_a_long_last_line_without_end() -> None:
    assert len(build.rows("1,a\n2," + "x" * (3 * rows.MAX_LINE))) == 2


def test_a_row_may_span_a_hundred_lines_and_no_more() -> None:
    def spanning(lines: int) -> str:
        return '1,"' + "\n".join(["x"] * lines) + '"\n2,b\n'

    assert len(build.rows(spanning(rows.MAX_ROW_LINES))) == 2
    assert any(isinstance(row, Reject) for row in build.rows(spanning(rows.MAX_ROW_LINES + 1)))


def test_nul_and_lone_line_separators_stay_in_their_cell() -> None:
    assert build.cells("1,a\0b\n2,c\u2028d\x85\n") == [["1", "a\0b"], ["2", "c\u2028d\x85"]]


def test_pipes_without_quotation_and_lines_above_the_header() -> None:
    text = "导出时间：2026\n" + "y" * (rows.MAX_LINE * 2) + '\n1|"a|b"\n'
    assert build.cells(text, delimiter="|", quote="", skip_lines=2) == [["1", '"a', 'b"']]
    assert build.cells("", skip_lines=3) == []


@given(
    st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8), min_size=2))
)
def test_whatever_a_spreadsheet_writes_is_read_back(table: list[list[str]]) -> None:
    import csv
    import io

    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(table)
    assert build.cells(out.getvalue()) == table


@given(st.text(st.sampled_from('a,"\n\r1'), max_size=60))
def test_every_line_is_read_or_refused(text: str) -> None:
    found = build.rows(text)
    covered: list[int] = []
    for row in found:
        last = row.last_line if isinstance(row, Row) else row.line
        covered.extend(range(row.line, last + 1))
    expected = len(text.replace("\r\n", "\n").replace("\r", "\n").splitlines()) if text else 0
    assert covered == list(range(1, expected + 1))


@pytest.mark.parametrize("quotes", [1, 3])
def test_many_lonely_quotes_take_linear_time(quotes: int) -> None:
    text = "".join(f"{n},{chr(34) * quotes}x\n" if n % 50 == 0 else f"{n},y\n" for n in range(20_000))
    found = build.rows(text)
    assert sum(isinstance(row, Reject) for row in found) >= 200
