"""A file one can hold in mind, a function one can see at once."""

import ast
from statistics import median

from tests.architecture.sources import APART, ROOMS, ROOT, built, files, tree

FILE_LINES, FUNCTION_LINES, USUAL_LINES = 400, 70, 10
CODE = [*files(*built((*ROOMS, *APART)), *(name for name in ("benchmarks",) if (ROOT / name).is_dir()))]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def lengths() -> dict[str, int]:
    return {
        f"{path.relative_to(ROOT)}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in CODE
        for node in ast.walk(tree(path))
        if isinstance(node, Function)
    }


def test_no_file_is_too_long() -> None:
    tests = files("tests")
    found = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in [*CODE, *tests]
    }
    assert {path: lines for path, lines in found.items() if lines > FILE_LINES} == {}


def test_no_function_is_too_long() -> None:
    assert {name: lines for name, lines in lengths().items() if lines > FUNCTION_LINES} == {}


def test_functions_are_short_as_a_rule() -> None:
    assert median(lengths().values()) <= USUAL_LINES


def test_no_junk_drawers() -> None:
    names = {"utils", "helpers", "common", "misc"}
    found = [
        str(path.relative_to(ROOT)) for path in CODE if path.stem in names or names & set(path.parent.parts)
    ]
    assert found == []
