import json
import os
import subprocess
import sys

from django.db import connection

from arrears.choices import Stage
from benchmarks import arrears_population as population
from benchmarks import processes
from benchmarks.harness import RESULTS

FIGURES = {
    "accounts",
    "assess_vs_sql",
    "assess_peak_mb",
    "second_run_vs_first",
    "second_run_tuples",
    "payment_between_seen",
    "assess_accounts_per_s",
    "assess_messages_per_s",
    "assess_processor_s",
    "killed_in_the_middle",
    "two_at_once_smaller_share",
    "dry_run_s",
    "one_account_ms",
}


def test_everything_is_tried_out_and_ours_writes_the_rows_of_bare_sql() -> None:
    """That the rows are as many, and those of two at once as of one, the benchmark itself insists on."""
    done = _bench("tiny", "1000")
    assert done.returncode == 0, done.stderr[-2_000:]
    figures = json.loads((RESULTS / "arrears-tiny.json").read_text())["figures"]
    assert figures.keys() == FIGURES
    assert figures["second_run_tuples"] == 0
    assert figures["payment_between_seen"] == 1
    assert figures["assess_peak_mb"] < 500


def test_the_mix_is_of_a_thousand_and_holds_every_stage_before_the_end() -> None:
    assert sum(group.share for group in population.MIX) <= 1_000
    assert {group.stage for group in population.MIX} == set(Stage) - {Stage.DISCONNECTED}
    assert 100 <= population.IN_ARREARS <= 300  # of a thousand
    changes, messages = population.expected(3_000)
    assert (changes, messages) == (339, 1_035)


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    given = connection.settings_dict
    login = f"{given['USER']}:{given['PASSWORD']}".rstrip(":")
    server = f"postgresql://{login}@{given['HOST']}:{given['PORT']}/postgres"
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "arrears", *arguments],
        cwd=processes.ROOT,
        env=os.environ | {"DATABASE_URL": server},
        capture_output=True,
        text=True,
        check=False,
    )
