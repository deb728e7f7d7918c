"""Text into rows of cells, with the line numbers of a text editor, surviving whatever is not a row.

A quotation mark that is never closed would swallow the rest of the file. So a row may span only so many lines and
characters, and a row that breaks the rules costs its first line only: reading goes on at the line after it.
"""

import csv
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple, TextIO

from core.imports.rejects import BAD_QUOTES, LINE_TOO_LONG, Reject

MAX_LINE = 64 * 1024  # characters
MAX_ROW_LINES = 100
MAX_ROW_CHARACTERS = MAX_LINE
_TOO_LONG = "\0 a line above MAX_LINE \0"  # stands for such a line; told by identity


class Row(NamedTuple):
    """`cells` as they stand in the file; a row within quotation marks may span lines."""

    line: int
    last_line: int
    cells: list[str]


class _Runaway(Exception):
    """The row being read cannot be a row."""


class Lines:
    """Hands lines to the CSV reader, remembers those of the present row, and can be set back to the second of them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._again: deque[str] = deque()
        self._row: list[str] = []
        self._characters = 0
        self.last = 0  # number of the line handed out last

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if not line:
            raise StopIteration
        self.last += 1
        self._row.append(line)
        self._characters += len(line)
        if line is _TOO_LONG or len(self._row) > MAX_ROW_LINES or self._characters > MAX_ROW_CHARACTERS:
            raise _Runaway
        return line

    def next_row(self) -> int:
        """A row is complete; returns the number of its first line."""
        first = self.last - len(self._row) + 1
        self._row.clear()
        self._characters = 0
        return first

    def back_to_second_line(self) -> Reject:
        """What was read since the last row is no row: its first line is rejected, the others are read again."""
        reason = LINE_TOO_LONG if self._row[0] is _TOO_LONG else BAD_QUOTES
        value = "" if self._row[0] is _TOO_LONG else self._row[0].rstrip("\r\n")
        self._again.extendleft(reversed(self._row[1:]))
        lines = len(self._row)
        first = self.next_row()
        self.last -= lines - 1
        return Reject(first, "", reason, value)

    def _read(self) -> str:
        line = self._stream.readline(MAX_LINE)
        if len(line) < MAX_LINE or line.endswith(("\n", "\r")):
            return line
        while rest := self._stream.readline(MAX_LINE):
            if rest.endswith(("\n", "\r")):
                break
        return _TOO_LONG


def read(
    stream: TextIO, *, delimiter: str = ",", quote: str = '"', skip_lines: int = 0
) -> Iterator[Row | Reject]:
    """Every row of the file, blank ones included (as rows without cells), and a reject for each line that is none.

    An empty `quote` means that quotation marks are plain text.
    """
    lines = Lines(stream)
    for _ in range(skip_lines):
        _skip(lines)
    if quote:
        reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True)
    else:
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _Runaway):
            yield lines.back_to_second_line()
        else:
            first = lines.next_row()
            yield Row(first, lines.last, cells)


def _skip(lines: Lines) -> None:
    with suppress(_Runaway):  # a line to be skipped may be as long as it likes
        next(lines, None)
    lines.next_row()
