import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from benchmarks import drivers, peers

_SCRIPT = """
import sys
if sys.argv[1:]:
    sys.exit("no tables" if sys.argv[1] == "broken" else 0)
print('"ready"', flush=True)
for line in sys.stdin:
    if line == "end\\n":
        sys.exit("enough")
    print({"orders 20": 4.0, "statements": 36}.get(line.strip(), 0), flush=True)
"""


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "script.py"
    path.write_text(_SCRIPT)
    return str(path)


def running(script: str, setup: str) -> AbstractContextManager[drivers.Driver]:
    return drivers.running(
        "tiny",
        script,
        python=Path(sys.executable),
        variables={"PATH": os.environ["PATH"]},
        folder=Path(script).parent,
        setup=[script, setup],
    )


def test_a_driver_answers_what_it_is_asked(script: str) -> None:
    with running(script, "migrate") as driver:
        assert driver.rate(20) == 5.0
        assert driver.statements() == 36


def test_a_driver_that_ends_is_told_with_its_last_words(script: str) -> None:
    with running(script, "migrate") as driver, pytest.raises(peers.PeerMissing, match="tiny ended: enough"):
        driver._ask("end")


def test_tables_that_cannot_be_made_are_told(script: str) -> None:
    with (
        pytest.raises(peers.PeerMissing, match="tiny cannot make its tables: no tables"),
        running(script, "broken"),
    ):
        pass
