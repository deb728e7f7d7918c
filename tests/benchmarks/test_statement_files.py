from datetime import date
from pathlib import Path

import pytest

from benchmarks import statement_files
from billing.statements import reader
from billing.statements.base import LineKind, Totals

DAY = date(2026, 11, 20)
PAYMENTS = 250


@pytest.mark.parametrize("gateway", statement_files.MERCHANTS)
def test_a_made_up_statement_is_what_the_channel_would_send(tmp_path: Path, gateway: str) -> None:
    path = statement_files.write(tmp_path, gateway=gateway, day=DAY, payments=PAYMENTS, version=1)
    with reader.opened(path, gateway=gateway) as opened:
        lines = list(opened.reader)
    paid = [line for line in lines if line.kind is LineKind.PAYMENT]
    assert len(lines) == statement_files.lines(PAYMENTS) == 253
    assert [line.amount_cents for line in paid] == [statement_files.cents(n) for n in range(PAYMENTS)]
    assert [line.request_no[-3:] for line in lines if line.kind is LineKind.REFUND] == ["000", "099", "198"]
    summary = opened.reader.summary
    assert (summary.merchant, summary.days) == (statement_files.MERCHANTS[gateway], (DAY,))
    paid_cents = sum(line.amount_cents for line in paid)
    assert summary.totals == Totals(PAYMENTS, paid_cents, 3, 3 * statement_files.REFUND_CENTS)


@pytest.mark.parametrize("gateway", statement_files.MERCHANTS)
def test_another_version_is_another_file(tmp_path: Path, gateway: str) -> None:
    def digest(version: int) -> str:
        path = statement_files.write(tmp_path, gateway=gateway, day=DAY, payments=3, version=version)
        with reader.opened(path, gateway=gateway) as opened:
            return opened.survey.sha256

    assert digest(1) == digest(1) != digest(2)
