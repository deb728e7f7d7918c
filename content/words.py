"""How texts become the words of the search: Chinese by pairs of characters, everything else by whole words.

PostgreSQL's own parsers see a Chinese sentence as one word, and trigrams need three characters; two are the usual
length of a Chinese word. Pure: no database.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

from opencc import OpenCC

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f々〇"
_RUNS = re.compile(f"([{HAN}]+)|([^\\W_]+)")
_HAN_INSIDE = re.compile(f"[{HAN}]+|[^{HAN}]+")
MOST_WORDS = 8_000  # of one entry: a tsvector holds at most 16,383 positions
LONGEST_WORD = 40  # characters; of anything longer the beginning counts
MOST_ASKED = 12  # words of one question; the rest is not looked at
_PERSONAL = re.compile(r"\d{5,}|@")


_simplified = OpenCC("t2s")
_VARIANTS = str.maketrans("帐", "账")  # both stand for 帳; only the second is written of bills here


def fold(text: str) -> str:
    """Full-width as half-width, capitals as small, traditional characters as simplified; accents as they are."""
    return "".join(map(_folded, unicodedata.normalize("NFKC", text)))


@lru_cache(maxsize=30_000)
def _folded(character: str) -> str:
    """Each by itself: a conversion by phrases would tear words apart at their edges."""
    return str(_simplified.convert(character.casefold())).translate(_VARIANTS)


def runs(text: str) -> Iterator[tuple[str, bool]]:
    """The words of a text in order, and whether each is Chinese: "查wifi密码" has three."""
    for found in _RUNS.finditer(fold(text)):
        for piece in _HAN_INSIDE.findall(found[0]):
            yield piece, bool(re.match(f"[{HAN}]", piece))


def _pairs(run: str) -> list[str]:
    """账单费 → 账单, 单费, 费: the last character alone, so that each character begins some word."""
    return [run[i : i + 2] for i in range(len(run))]


def vector(weighted: list[tuple[str, str]]) -> str:
    """A tsvector literal of [(text, weight A–D)]. Texts do not touch: a phrase is never found across two of them."""
    places: dict[str, list[str]] = {}
    position = 0
    for text, weight in weighted:
        for word in _words(text):
            position += 1
            if position > MOST_WORDS:
                break
            places.setdefault(word, []).append(f"{position}{weight}")
        position += 1
    return " ".join(f"{quoted(word)}:{','.join(found[:200])}" for word, found in places.items())


def _words(text: str) -> Iterator[str]:
    for run, is_chinese in runs(text):
        if is_chinese:
            yield from _pairs(run)
        else:
            yield run[:LONGEST_WORD]


def question(text: str, *, every: bool = True) -> str:
    """A tsquery literal: all words (`every`) or any of them. "" when the text has none.

    Chinese of two and more characters must stand together; a single one, and Latin, finds what begins with it.
    """
    asked = [_asked(run, is_chinese) for run, is_chinese in runs(text)][:MOST_ASKED]
    if not every:
        asked = [_asked(pair, True) for run, han in runs(text) if han for pair in _sure_pairs(run)][
            :MOST_ASKED
        ]
        asked += [_asked(run, False) for run, han in runs(text) if not han][:MOST_ASKED]
    return (" & " if every else " | ").join(asked)


def _sure_pairs(run: str) -> list[str]:
    return _pairs(run)[:-1] if len(run) > 1 else [run]


def _asked(run: str, is_chinese: bool) -> str:
    if not is_chinese:
        return f"{quoted(run[:LONGEST_WORD])}:*"
    if len(run) == 1:
        return f"{quoted(run)}:*"
    pairs = [quoted(pair) for pair in _sure_pairs(run)[:20]]
    return "(" + " <-> ".join(pairs) + ")" if len(pairs) > 1 else pairs[0]


def marked(text: str, asked: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, and whether each is what was asked for; joined they are the text again."""
    folded, places = _with_places(text)
    hit = [False] * len(text)
    for run, is_chinese in list(runs(asked))[:MOST_ASKED]:
        start = "" if is_chinese else r"(?<![^\W_])"
        for found in re.finditer(start + re.escape(run), folded):
            for place in places[found.start() : found.end()]:
                hit[place] = True
    for is_hit, group in groupby(zip(text, hit, strict=True), key=lambda pair: pair[1]):
        yield "".join(character for character, _ in group), is_hit


def _with_places(text: str) -> tuple[str, list[int]]:
    """The folded text, and where each of its characters came from: one may become several (㎡ → m2)."""
    pieces = [fold(character) for character in text]
    return "".join(pieces), [place for place, piece in enumerate(pieces) for _ in piece]


def quoted(word: str) -> str:
    """A lexeme as tsvector and tsquery literals write it."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def kept(text: str) -> str:
    """The question as it may be kept in a log: folded, at most 60 characters; "" for what may be somebody's data."""
    folded = " ".join(fold(text).split())[:60]
    return "" if _PERSONAL.search(re.sub(r"[\s-]", "", folded)) else folded
