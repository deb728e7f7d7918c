"""`script/bench money`: what takes, confirms and explains money, against its yardsticks."""

from collections.abc import Callable

from benchmarks import state
from benchmarks.confirm import confirm
from benchmarks.harness import Sheet
from benchmarks.intake import wechat_intake
from benchmarks.papers import bill_pdfs
from benchmarks.statements import statement_import

PARTS: dict[str, Callable[[Sheet], None]] = {
    "wechat": wechat_intake,
    "confirm": confirm,
    "statement": statement_import,
    "pdf": bill_pdfs,
}


def run(parts: list[str]) -> bool:
    """All parts, or those named: wechat, confirm, statement, pdf. False: a figure is missing."""
    sheet = Sheet("money")
    for name in parts or PARTS:
        state.settle()
        PARTS[name](sheet)
    return sheet.show()
