"""The Python files of the project, by room."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# From the ground up: a room may use those before it.
ROOMS = (
    "core",
    "notices",
    "accounts",
    "content",
    "operations",
    "billing",
    "resources",
    "catalog",
    "arrears",
    "tickets",
    "loyalty",
    "hall",
)
APART = ("sandbox", "runtime")  # know no room, and no room knows them


def built(names: tuple[str, ...]) -> list[str]:
    """Those that exist by now."""
    return [name for name in names if (ROOT / name / "__init__.py").exists()]


def files(*folders: str) -> Iterator[Path]:
    """Their Python files, the generated migrations left out."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


@lru_cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path: Path) -> set[str]:
    """The first names of everything that the file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found
