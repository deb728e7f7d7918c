import json
import os
import subprocess
import sys

from django.db import connection

from benchmarks import pages, processes
from benchmarks.harness import RESULTS

FIGURES = {
    "home_p95_growth",
    "home_p95_ms",
    "bills_p95_growth",
    "bills_p95_ms",
    "home_vs_bare_template",
    "home_vs_plain_template",
    "home_weight_kb",
    "home_css_files",
    "home_js_files",
    "home_queries",
    "bills_queries",
    "crowd_errors",
    "crowd_pages_per_s",
    "crowd_p95_s",
}


def test_everything_is_measured_in_a_tiny_hall() -> None:
    given = connection.settings_dict
    login = f"{given['USER']}:{given['PASSWORD']}".rstrip(":")
    server = f"postgresql://{login}@{given['HOST']}:{given['PORT']}/postgres"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "pages", pages.TINY],
        cwd=processes.ROOT,
        env=os.environ | {"DATABASE_URL": server},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    figures = json.loads((RESULTS / "pages-tiny.json").read_text())["figures"]
    assert figures.keys() == FIGURES
    assert figures["crowd_errors"] == 0
    assert figures["home_css_files"] == figures["home_js_files"] == 1
    assert figures["home_weight_kb"] < 150
    assert figures["home_queries"] <= 12
    assert figures["bills_queries"] <= 8


def test_what_a_browser_fetches_by_itself() -> None:
    page = """<link rel="icon" href="/static/a.svg"><link rel="alternate" href="/feed/"><a href="/news/">
        <link rel="stylesheet" href="/static/b.css"><script src="/static/c.js" defer></script>
        <svg><use href="/static/d.svg#x"></use></svg><svg><use href="/static/d.svg#y"></use></svg>
        <link rel="canonical" href="https://hall.example/"><img alt="" src="/pictures/1/">"""
    assert pages._needed(page) == [
        "/static/a.svg",
        "/static/b.css",
        "/static/c.js",
        "/static/d.svg",
        "/pictures/1/",
    ]
