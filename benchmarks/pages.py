"""`script/bench pages [tiny] [part …]`: the first page and the list of bills, in a small hall and in a large one."""

import itertools
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from io import StringIO

from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks import databases, load, population, processes
from benchmarks.harness import Sheet, alternately, in_turn, rate

BROWSERS = 2  # at once, where waits are compared: what is measured is the page, not the queue before it
CLERKS = 4  # at once, where rates are compared: as many as the server has threads
VALUES = 200  # variables that the first page prints, about
HOME, BILLS = "/", "/bills/"
SESSION = "sessionid={}"
TINY = "tiny"  # among the parts: tries everything out in half a minute; its figures mean nothing


@dataclass(frozen=True)
class Sizes:
    """How large, how many, how often."""

    small: int = 1_000  # accounts
    large: int = 1_000_000
    people: int = 400  # customers who come, evenly from among all
    visits: int = 400  # of each page in a round: every customer once
    rounds: int = 5
    crowd: int = 200  # browsers at once
    crowd_visits: int = 4_000


_TINY = Sizes(small=60, large=120, people=10, visits=10, rounds=1, crowd=20, crowd_visits=40)


@dataclass(frozen=True)
class Town:
    """A hall that is served, with the keys of its customers' sessions."""

    port: int
    keys: Sequence[str]
    sizes: Sizes

    def visits(self, path: str) -> Iterator[bytes]:
        """One customer after the other, for ever."""
        return itertools.cycle([load.visit(path, cookie=SESSION.format(key)) for key in self.keys])


def run(parts: list[str]) -> bool:
    """All parts, or those named: growth, bare, weight, queries, crowd. False: a figure is missing."""
    sizes = _TINY if TINY in parts else Sizes()
    sheet = Sheet("pages" if sizes is not _TINY else "pages-tiny")
    with prepared(sizes) as (small, large):
        known: dict[str, Callable[[], None]] = {
            "growth": partial(growth, sheet, small, large),
            "bare": partial(bare, sheet, small),
            "weight": partial(weight, sheet, small),
            "queries": partial(queries, sheet, small),
            "crowd": partial(crowd, sheet, large),
        }
        for name in [part for part in parts if part != TINY] or known:
            known[name]()
    return sheet.show()


@contextmanager
def prepared(sizes: Sizes) -> Iterator[tuple[Town, Town]]:
    """Both halls, each in a database of its own and served by a process of its own, as `script/run` starts it."""
    call_command("demo_data", verbosity=0, stdout=StringIO())  # news, notices, halls
    _collect_static()
    home = os.environ["DATABASE_URL"]
    connections.close_all()
    with databases.copied(home, "large") as other, ExitStack() as served:
        towns = []
        for database, accounts in ((home, sizes.small), (other, sizes.large)):
            population.fill(database, accounts=accounts)
            keys = population.log_in(database, accounts=accounts, people=sizes.people)
            port = served.enter_context(processes.web({"DATABASE_URL": database}))
            towns.append(Town(port, keys, sizes))
        yield towns[0], towns[1]


def _collect_static() -> None:
    """As the image is built: compressed, with names that tell the content."""
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "-v", "0"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "hall.settings.build"}
    subprocess.run(command, cwd=processes.ROOT, env=environment, check=True)


def growth(sheet: Sheet, small: Town, large: Town) -> None:
    """The same customers' pages, in turn here and there."""
    for name, path in (("home", HOME), ("bills", BILLS)):
        here, there = alternately(
            partial(_p95, small, path), partial(_p95, large, path), rounds=small.sizes.rounds
        )
        ratios = [far / near for near, far in zip(here, there, strict=True)]
        halls = f"{small.sizes.small:,} against {small.sizes.large:,} accounts"
        note = f"rounds {min(ratios):.2f}–{max(ratios):.2f}; {halls}"
        sheet.at_most(f"{name}_p95_growth", statistics.median(ratios), 1.2, note)
        sheet.context(
            f"{name}_p95_ms", statistics.median(there) * 1_000, f"the large one, {BROWSERS} at once"
        )


def bare(sheet: Sheet, small: Town) -> None:
    """Our first page against the same page from values at hand, and against the plainest page of its size."""
    size = len(load.body(load.fetch(small.port, next(small.visits(HOME)))))
    user = int(small.keys[0])
    with processes.web({}, application="benchmarks.bare_wsgi:application") as port:
        same = itertools.repeat(load.visit(f"/bench/same/?user={user}"))
        plain = itertools.repeat(load.visit(f"/bench/plain/?bytes={size}&values={VALUES}"))
        ours = partial(_rate, small.sizes.visits, small.port, itertools.repeat(next(small.visits(HOME))))
        against_same = in_turn(
            ours, partial(_rate, small.sizes.visits, port, same), rounds=small.sizes.rounds
        )
        against_plain = in_turn(
            ours, partial(_rate, small.sizes.visits, port, plain), rounds=small.sizes.rounds
        )
    sheet.at_least("home_vs_bare_template", against_same.ratio, 0.5, f"same templates: {against_same.note}")
    note = f"one loop, {VALUES} values, {size:,} bytes: {against_plain.note}"
    sheet.context("home_vs_plain_template", against_plain.ratio, note)


def weight(sheet: Sheet, small: Town) -> None:
    """Everything that a browser with an empty cache fetches for the first page, as many bytes as are sent."""
    page = load.fetch(small.port, load.visit(HOME, cookie=SESSION.format(small.keys[0]), encoding="gzip"))
    sizes = {HOME: len(load.body(page))}
    for address in _needed(load.body(load.fetch(small.port, next(small.visits(HOME)))).decode()):
        sizes[address] = len(load.body(load.fetch(small.port, load.visit(address, encoding="gzip"))))
    styles, scripts = (sum(name.endswith(end) for name in sizes) for end in (".css", ".js"))
    told = ", ".join(
        f"{address.rpartition('/')[2] or 'page'} {size / 1_000:.1f}" for address, size in sizes.items()
    )
    sheet.at_most("home_weight_kb", sum(sizes.values()) / 1_000, 150, told)
    sheet.at_most("home_css_files", styles, 1)
    sheet.at_most("home_js_files", scripts, 1)


def queries(sheet: Sheet, small: Town) -> None:
    """The most that any of a hundred customers' pages asks."""
    for name, path, most in (("home", HOME, 12), ("bills", BILLS, 8)):
        counts = [_queries(key, path) for key in small.keys[:100]]
        sheet.at_most(f"{name}_queries", max(counts), most, f"median {statistics.median(counts):.0f}")


def crowd(sheet: Sheet, large: Town) -> None:
    """Many at once, each asking for his next page as soon as he has the last: what one web process does then."""
    both = (visit for pair in zip(large.visits(HOME), large.visits(BILLS), strict=True) for visit in pair)
    answers, count, browsers = load.Pages(), large.sizes.crowd_visits, large.sizes.crowd
    per_second = rate(
        count, lambda: load.collect(large.port, both, answers, count=count, connections=browsers)
    )
    waits = sorted(answers.waits)
    sheet.at_most("crowd_errors", count - answers.accepted, 0, f"of {count:,}, {browsers} at once")
    sheet.context("crowd_pages_per_s", per_second)
    sheet.context("crowd_p95_s", waits[int(count * 0.95)], f"median {statistics.median(waits):.2f} s")


def _p95(town: Town, path: str) -> float:
    """Seconds. The first time, it warms up."""
    count = town.sizes.visits
    answers = load.collect(town.port, town.visits(path), load.Pages(), count=count, connections=BROWSERS)
    return sorted(_whole(answers).waits)[int(count * 0.95)]


def _rate(count: int, port: int, visits: Iterator[bytes]) -> float:
    answers = load.Pages()
    work = partial(load.collect, port, visits, answers, count=count, connections=CLERKS)
    found = rate(count, work)
    _whole(answers)
    return found


def _whole(answers: load.Pages) -> load.Pages:
    if answers.accepted != answers.count:
        raise RuntimeError(f"{answers.count - answers.accepted} of {answers.count} answers were not the page")
    return answers


_SOURCES = re.compile(r'<(?:link|script|img|use)\b[^>]*?\b(?:href|src)="(/[^"#]+)')
_LATER = re.compile(r'rel="(?:alternate|canonical|apple-touch-icon|search)"')


def _needed(page: str) -> list[str]:
    """The addresses that a browser asks for by itself, each once."""
    tags = (match for match in _SOURCES.finditer(page) if not _LATER.search(match[0]))
    return list(dict.fromkeys(match[1] for match in tags))


def _queries(key: str, path: str) -> int:
    client = Client(headers={"host": "127.0.0.1"})
    client.cookies["sessionid"] = key
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}")
    return len(asked)
