import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from benchmarks import catalog, catalog_quotes, oscar, processes
from benchmarks.harness import RESULTS

FIGURES = {
    "order_statements",
    "quotes_per_s",
    "bill_run_accounts_per_s",
    "bill_run_peak_mb",
    "bill_run_peak_growth",
}


def test_ours_is_measured_and_a_missing_peer_is_told(tmp_path: Path) -> None:
    nothing = {"HALL_BENCH_CACHE": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    done = _bench(nothing)
    assert done.returncode == 1, done.stderr[-2_000:]
    assert f"django-oscar=={oscar.VERSION} cannot be installed" in done.stdout
    figures = json.loads((RESULTS / "catalog-tiny.json").read_text())["figures"]
    assert figures.pop("order_vs_oscar") is None
    assert figures.keys() == FIGURES
    assert all(value > 0 for value in figures.values())
    assert figures["order_statements"] < 60


def test_the_book_of_the_quotes_has_two_hundred_rows() -> None:
    book = catalog_quotes.book()
    assert sum(map(len, book.rates.values())) + len(book.rules) == 200


def test_a_part_that_is_not_known_is_refused() -> None:
    with pytest.raises(KeyError):
        catalog.run([catalog.TINY, "no such part"])


def _bench(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    given = connection.settings_dict
    login = f"{given['USER']}:{given['PASSWORD']}".rstrip(":")
    server = f"postgresql://{login}@{given['HOST']}:{given['PORT']}/postgres"
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "catalog", catalog.TINY],
        cwd=processes.ROOT,
        env=os.environ | {"DATABASE_URL": server} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
