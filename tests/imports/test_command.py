import csv
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, load_command_class
from django.db import OperationalError

from billing.models import Bill
from billing.services.bulk import bulk_bills
from core.imports import command, staging
from core.imports.runs import Counts
from core.models import AuditRow, Heartbeat
from tests import shared_data
from tests.conftest import NOON
from tests.imports import build

pytestmark = pytest.mark.django_db
ROW = "{},81,,2026-11-01,2026-11-25,1\n"


def export(folder: Path, rows: str) -> str:
    build.account("81")
    return str(build.file(folder, build.BILL_HEADER + rows))


def test_all_rows_in_exit_with_0_and_leave_a_trace(tmp_path: Path) -> None:
    path = export(tmp_path, ROW.format(1) + ROW.format(2))
    code, facts = build.command("import_bills", path, "--as-of", "2026-11-18T12:00:00+08:00")
    assert code == 0
    assert facts == {
        "encoding": "utf-8",
        "dry_run": False,
        "exit": 0,
        "stopped": False,
        "read": 2,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "skipped": 0,
        "rejected": 0,
        "failed": 0,
        "blank": 0,
    }
    assert set(Bill.objects.values_list("created_at", flat=True)) == {NOON}
    beat = Heartbeat.objects.get(job="import_bills")
    assert (beat.last_ok, beat.detail["created"]) == (True, 2)
    row = AuditRow.objects.get()
    assert (row.actor, row.action, row.at) == ("command:import_bills", "import_bills", NOON)
    assert len(row.object_id) == 64
    assert row.detail["created"] == 2


def test_rejects_exit_with_3_and_go_to_the_file(tmp_path: Path) -> None:
    path = export(tmp_path, ROW.format(1) + "2,99,,2026-11-01,2026-11-25,=1+1\n")
    out = tmp_path / "rejects.csv"
    code, facts = build.command("import_bills", path, "--rejects", str(out))
    assert (code, facts["created"], facts["rejected"]) == (3, 1, 1)
    with out.open(encoding="utf-8-sig", newline="") as file:
        assert [row["代码"] for row in csv.DictReader(file)] == ["BAD_AMOUNT"]
    assert Heartbeat.objects.get().last_ok


def test_failures_exit_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = export(tmp_path, ROW.format(1))
    from core.imports import command

    monkeypatch.setattr(command, "_exit_code", lambda counts, stopped: command_exit(counts))

    def command_exit(counts: Counts) -> int:
        counts.failed = 1
        return 1

    code, _facts = build.command("import_bills", path)
    assert code == 1
    assert not Heartbeat.objects.get().last_ok


def test_people_read_counts_and_the_first_rejects_but_no_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = "".join(f"{n},81,,2026-11-01,2026-11-25,secret{n}\n" for n in range(15))
    path = export(tmp_path, bad + ROW.format(99) + "\n")
    with pytest.raises(SystemExit):
        call_command("import_bills", path)
    printed = capsys.readouterr().out
    assert "2: 金额 BAD_AMOUNT" in printed
    assert "11: 金额 BAD_AMOUNT" in printed
    assert "12: 金额" not in printed
    assert "另有 5 行" in printed
    assert "secret" not in printed
    assert "读取 16，新增 1，补全 0，未变 0，跳过 0，拒绝 15，失败 0（空行 1）" in printed


def test_a_dry_run_leaves_nothing_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("import_bills", export(tmp_path, ROW.format(1)), "--dry-run")
    assert "新增 1" in capsys.readouterr().out
    assert not Bill.objects.exists()
    assert not Heartbeat.objects.exists()
    assert not AuditRow.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["missing.csv"], "missing.csv"),
        (["{path}", "--profile", "nothing"], "accounts_receivable"),
        (["{path}", "--profile", "accounts_receivable"], "invoiceNumber"),
        (["{path}", "--encoding", "klingon"], "klingon"),
        (["{path}", "--limit", "0"], "正整数"),
        (["{path}", "--limit", "２"], "正整数"),
        (["{path}", "--as-of", "yesterday"], "2026-11-21"),
        (["{path}", "--rejects", "{path}"], "--rejects"),
        (["{path}", "--max-bytes", "10"], "--max-bytes"),
    ],
)
def test_what_cannot_run_says_why_and_imports_nothing(
    tmp_path: Path, arguments: list[str], hint: str
) -> None:
    path = export(tmp_path, ROW.format(1))
    before = Path(path).read_bytes()
    with pytest.raises(CommandError, match=hint):
        call_command("import_bills", *(text.format(path=path) for text in arguments))
    assert not Bill.objects.exists()
    assert Path(path).read_bytes() == before


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        call_command("import_bills", str(build.file(tmp_path, b"")))


def test_a_header_alone_is_nothing_to_do(tmp_path: Path) -> None:
    code, facts = build.command("import_bills", export(tmp_path, ""))
    assert (code, facts["read"]) == (0, 0)


def test_a_database_that_goes_away_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = export(tmp_path, ROW.format(1))

    def gone(*_: object, **__: object) -> None:
        raise OperationalError("server closed the connection unexpectedly\nmore")

    monkeypatch.setattr(bulk_bills.BillsImporter, "merge", gone)
    with pytest.raises(CommandError, match="server closed the connection unexpectedly"):
        call_command("import_bills", path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_after_the_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    path = export(tmp_path, "".join(ROW.format(n) for n in range(100)))
    merge = bulk_bills.BillsImporter.merge

    def interrupted(self: bulk_bills.BillsImporter, *args: object, **more: object) -> object:
        signal.raise_signal(number)
        return merge(self, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(bulk_bills.BillsImporter, "merge", interrupted)
    before = signal.getsignal(number)
    code, facts = build.command("import_bills", path, "--chunk", "30")
    assert (code, facts["stopped"], facts["created"]) == (143, True, 30)
    assert signal.getsignal(number) is before
    assert Bill.objects.count() == 30
    monkeypatch.undo()
    assert build.command("import_bills", path)[1]["created"] == 70


@pytest.mark.parametrize("name", ["utf8_bom", "gb18030", "utf16"])
def test_the_hostile_files_end_with_3(name: str) -> None:
    path = shared_data.require(f"hostile/import_rows_bad_{name}.csv")
    code, facts = build.command("import_accounts", str(path))
    assert (code, facts["created"], facts["rejected"], facts["blank"]) == (3, 6, 16, 2)


def test_receivables_by_command() -> None:
    path = str(shared_data.require("invoices/accounts_receivable.csv"))
    for name in ("import_bills", "import_receipts"):
        code, facts = build.command(name, path, "--profile", "accounts_receivable")
        assert (code, facts["created"]) == (0, 1977)


def test_imports_are_on_demand_and_nobody_complains_when_there_are_none() -> None:
    from core.imports.command import ON_DEMAND

    assert timedelta(days=3000) < ON_DEMAND


@pytest.mark.parametrize(("many", "is_told"), [(2, True), (3, False)])
def test_the_planner_knows_the_tables_after_an_import_of_many_rows(
    many: int, is_told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, ...]] = []
    monkeypatch.setattr(command, "MANY_ROWS", many)
    monkeypatch.setattr(staging, "analyze", lambda tables: seen.append(tuple(tables)))
    build.account("81")
    text = "".join(f"T{n},81,,1,2026-11-01\n" for n in range(3))
    path = build.file(tmp_path, build.RECEIPT_HEADER + text)
    call_command("import_receipts", str(path), "--dry-run")
    assert not seen
    call_command("import_receipts", str(path))
    call_command("import_receipts", str(path))  # nothing new
    assert len(seen) == is_told


@pytest.mark.parametrize("kind", ["accounts", "holdings", "bills", "receipts"])
def test_what_is_analyzed_is_there(kind: str) -> None:
    apps = {"accounts": "accounts", "holdings": "catalog", "bills": "billing", "receipts": "billing"}
    found = load_command_class(apps[kind], f"import_{kind}")
    assert isinstance(found, command.ImportCommand)
    assert found.tables
    staging.analyze(found.tables)
