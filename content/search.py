"""Search over everything public: what other rooms put in, and what is found.

    search.index(kind="operation", key="bill.pay", title=_("缴费"), text=_("…"), url="/pay/")
    search.find("缴费", as_of=clock.now()).hits

Titles and texts may be lazy translations: they are kept in every language of the site, and found in each. What a room
has to say as a whole (its operations, its pages) it gives as a source, and `rebuild` puts it in anew.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.expressions import RawSQL
from django.utils.functional import Promise
from django.utils.translation import get_language, override

from content import words
from content.models import SearchItem, SearchMiss
from core import clock

ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
MOST_HITS = 50
MOST_RANKED = 5_000  # matches that are put in order: of a word that stands everywhere, some
LONGEST_SUMMARY = 200
LONGEST_QUESTION = 100
Text = str | Promise | Mapping[str, str]  # one for all languages, a lazy translation, or {language: text}


@dataclass(frozen=True, slots=True)
class Entry:
    """Something public. `active_from` None: since ever; `active_until` None: without end."""

    kind: str
    key: str
    title: Text
    url: str
    text: Text = ""
    summary: Text = ""
    active_from: datetime | None = None
    active_until: datetime | None = None
    boost: int = 100  # per cent: above 100 it comes before others that fit as well


@dataclass(frozen=True, slots=True)
class Hit:
    """One found thing, in the reader's language."""

    kind: str
    key: str
    title: str
    summary: str
    url: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a question found; where it found nothing, `suggestions` holds what has some of its words."""

    hits: list[Hit]
    suggestions: list[Hit] = field(default_factory=list)


Source = Callable[[], Iterable[Entry]]
_sources: dict[str, Source] = {}


def source(kind: str, entries: Source) -> None:
    """From now on `rebuild` puts in what `entries` gives, and takes out what it no longer gives, of that kind."""
    _sources[kind] = entries


def index(
    *,
    kind: str,
    key: str,
    title: Text,
    url: str,
    text: Text = "",
    summary: Text = "",
    active_from: datetime | None = None,
    active_to: datetime | None = None,
    boost: int = 100,
) -> None:
    """Puts one thing in, or in the place of what it was; found from `active_from` on and before `active_to`."""
    put([Entry(kind, key, title, url, text, summary, active_from, active_to, boost)])


def put(entries: Iterable[Entry]) -> int:
    """Puts many in; how many."""
    rows = [_row(entry) for entry in entries]
    SearchItem.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["kind", "key"],
        update_fields=["titles", "summaries", "url", "boost", "words", "active_from", "active_until"],
        batch_size=500,
    )
    return len(rows)


def remove(*, kind: str, key: str) -> None:
    """Takes one out; nothing happens when it is not in."""
    SearchItem.objects.filter(kind=kind, key=key).delete()


@transaction.atomic
def rebuild() -> dict[str, int]:
    """Puts in anew what every source gives, and takes out what none gives; how many of each kind."""
    counts = {}
    for kind, entries in sorted(_sources.items()):
        given = list(entries())
        kept = [entry.key for entry in given]
        SearchItem.objects.filter(kind=kind).exclude(key__in=kept).delete()
        counts[kind] = put(given)
    return counts


def _row(entry: Entry) -> SearchItem:
    titles, texts = _in_languages(entry.title), _in_languages(entry.text)
    summaries = _in_languages(entry.summary or entry.text)
    weighted = [(text, "A") for text in dict.fromkeys(titles.values())]
    weighted += [(text, "B") for text in dict.fromkeys(summaries.values())]
    weighted += [(text, "D") for text in dict.fromkeys(texts.values())]
    return SearchItem(
        kind=entry.kind,
        key=entry.key,
        titles=titles,
        summaries={language: text[:LONGEST_SUMMARY] for language, text in summaries.items()},
        url=entry.url,
        boost=entry.boost,
        words=RawSQL("%s::tsvector", [words.vector(weighted)]),
        active_from=entry.active_from or ALWAYS,
        active_until=entry.active_until,
    )


def _in_languages(text: Text) -> dict[str, str]:
    codes = [code for code, _name in settings.LANGUAGES]
    if isinstance(text, str):
        return {codes[0]: text}
    if isinstance(text, Mapping):
        return {code: text[code] for code in codes if text.get(code)}
    found = {}
    for code in codes:
        with override(code):
            found[code] = str(text)
    return found


def find(question: str, *, as_of: datetime, limit: int = 20) -> Found:
    """What is public at that instant and has every word of the question, best first; else what has some of them."""
    asked = question[:LONGEST_QUESTION]
    hits = _matching(words.question(asked), as_of, limit)
    return Found(hits, [] if hits else _matching(words.question(asked, every=False), as_of, 3))


# What fits is narrowed by the index first; only then is it put in order, and only so many.
_FIND = """
    WITH fits AS MATERIALIZED (
        SELECT kind, key, titles, summaries, url, boost, words, active_from
          FROM content_searchitem
         WHERE words @@ %(asked)s::tsquery
           AND active_from <= %(as_of)s AND (active_until IS NULL OR active_until > %(as_of)s)
         LIMIT %(most)s)
    SELECT kind, key, titles, summaries, url
      FROM fits
     ORDER BY ts_rank('{0.05, 0.1, 0.3, 1.0}', words, %(asked)s::tsquery, 1) * boost DESC,
              active_from DESC, kind, key
     LIMIT %(limit)s"""


def statement(asked: str, as_of: datetime, limit: int) -> tuple[str, dict[str, str | int | datetime]]:
    """The search as SQL and its values: what `find` runs and its plan is tested with."""
    values: dict[str, str | int | datetime] = {
        "asked": asked,
        "as_of": as_of,
        "limit": min(limit, MOST_HITS),
        "most": MOST_RANKED,
    }
    return _FIND, values


def _matching(asked: str, as_of: datetime, limit: int) -> list[Hit]:
    if not asked:
        return []
    with connection.cursor() as cursor:
        cursor.execute(*statement(asked, as_of, limit))
        rows = cursor.fetchall()
    return [_hit(*row) for row in rows]


def _hit(kind: str, key: str, titles: object, summaries: object, url: str) -> Hit:
    return Hit(kind=kind, key=key, title=_chosen(titles), summary=_chosen(summaries), url=url)


def _chosen(texts: object) -> str:
    """In the reader's language where there is one, else in the first that there is."""
    known: dict[str, str] = json.loads(texts) if isinstance(texts, str) else dict(texts)  # type: ignore[call-overload]
    return known.get(get_language() or "") or next(iter(known.values()), "")


def note_miss(question: str, *, as_of: datetime) -> None:
    """Counts a question that found nothing; what may be somebody's data is not kept."""
    term = words.kept(question)
    if not term or not words.question(question):
        return
    day, language = clock.local_date(as_of), (get_language() or settings.LANGUAGE_CODE)[:10]
    key = {"on": day, "language": language, "term": term}
    if not SearchMiss.objects.filter(**key).update(times=F("times") + 1):
        SearchMiss.objects.bulk_create(
            [SearchMiss(**key)],
            update_conflicts=False,
            ignore_conflicts=True,
        )
