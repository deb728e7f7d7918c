"""Rounds, medians, tables, and the JSON beside them."""

import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
ROUNDS = 3


@dataclass
class Sheet:
    """The figures of one benchmark, each with its goal."""

    name: str
    figures: dict[str, float | None] = field(default_factory=dict)
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, figure: str, value: float, *, goal: str, met: bool | None, note: str = "") -> None:
        """`met` None: a figure without a goal, for context."""
        self.figures[figure] = round(value, 4)
        verdict = "" if met is None else ("yes" if met else "NO")
        self.rows.append((figure, f"{value:,.3f}".rstrip("0").rstrip("."), f"{goal} {verdict}".strip(), note))

    def at_least(self, figure: str, value: float, goal: float, note: str = "") -> None:
        self.add(figure, value, goal=f"≥ {goal:g}", met=value >= goal, note=note)

    def at_most(self, figure: str, value: float, goal: float, note: str = "") -> None:
        self.add(figure, value, goal=f"≤ {goal:g}", met=value <= goal, note=note)

    def context(self, figure: str, value: float, note: str = "") -> None:
        """A figure without a goal, beside those that have one."""
        self.add(figure, value, goal="—", met=None, note=note)

    def missing(self, figure: str, why: str) -> None:
        """The figure could not be measured, which is not the same as a bad figure: null in the JSON."""
        self.figures[figure] = None
        self.rows.append((figure, "not measured", "NO", why))

    def show(self) -> bool:
        """Prints the table and writes results/NAME.json. False: a figure could not be measured."""
        print(f"\n{self.name}")
        for figure, value, goal, note in self.rows:
            print(f"  {figure:32} {value:>14}   goal {goal:14} {note}")
        load, processors = os.getloadavg()[1], os.cpu_count()
        print(
            f"  load {load:.1f} on {processors} processors; what others do meanwhile lowers all but the ratios"
        )
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        path.write_text(
            json.dumps({"name": self.name, "figures": self.figures}, indent=2, ensure_ascii=False) + "\n"
        )
        return None not in self.figures.values()


@dataclass(frozen=True)
class Pair:
    """Ours and the yardstick, measured in turn. Rates per second."""

    ours: list[float]
    theirs: list[float]

    @property
    def ratios(self) -> list[float]:
        """Round by round."""
        return [mine / other for mine, other in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the ratios round by round."""
        return statistics.median(self.ratios)

    @property
    def note(self) -> str:
        return (
            f"ours {statistics.median(self.ours):,.0f}/s, yardstick {statistics.median(self.theirs):,.0f}/s, "
            f"ratios {min(self.ratios):.2f}–{max(self.ratios):.2f}"
        )


def in_turn(ours: Callable[[], float], theirs: Callable[[], float], *, rounds: int = ROUNDS) -> Pair:
    """Both once to warm up, then alternately."""
    return Pair(*alternately(ours, theirs, rounds=rounds))


def alternately(*measures: Callable[[], float], rounds: int = ROUNDS) -> list[list[float]]:
    """What each measure gave in each round; all of them once before, to warm up."""
    for measure in measures:
        measure()
    by_round = [[measure() for measure in measures] for _ in range(rounds)]
    return [list(column) for column in zip(*by_round, strict=True)]


def rate(count: int, work: Callable[[], object]) -> float:
    """How many per second, when `work` does `count`."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)
