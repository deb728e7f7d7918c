"""The status page tells what is wrong and what mends it, and nothing else."""

import io
import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from core import clock, heartbeats
from core.models import Heartbeat, OutboxRow
from hall.upkeep import machine, migrating, schedule, status
from hall.upkeep.findings import BAD, OK, WARN, Finding, span
from notices.models import Delivery, DeliveryState
from tests.admin import build
from tests.admin.conftest import desk, log_in, root
from tests.architecture.sources import ROOT
from tests.billing import build as money
from tests.conftest import NOON
from tests.runtime.certificates import self_signed

__all__ = ["desk", "log_in", "root"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay_keys")]
URL = "admin:core_heartbeat_status"


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.stopped(NOON):
        yield


@pytest.fixture
def all_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job ended a moment ago, disks are empty, key files fine."""
    monkeypatch.setattr(machine, "unusable_files", list)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: type("U", (), {"total": 100, "free": 90}))
    for task, every in schedule.scheduled().items():
        heartbeats.note(schedule.OWN.get(task, task), every=every, as_of=NOON, ok=True)
    for task in schedule.scheduled():
        if task not in schedule.OWN.values():
            Heartbeat.objects.update_or_create(
                job=task, defaults={"expected_every_seconds": 86_400, "last_finished_at": NOON}
            )
    monkeypatch.setattr(machine, "depth", lambda queue: 0)


def found(name: str) -> Finding:
    every = [
        each for section in status.read(as_of=NOON) for each in section.findings if str(each.name) == name
    ]
    assert every, name
    return every[0]


@pytest.mark.usefixtures("all_well")
def test_a_hall_in_which_all_is_well() -> None:
    sections = status.read(as_of=NOON)
    assert [f for s in sections for f in s.findings if f.tone == BAD] == []


@pytest.mark.usefixtures("all_well")
def test_a_queue_whose_worker_is_stuck_is_told_while_the_others_run() -> None:
    for task in machine.tasks_by_queue()["payments"]:
        Heartbeat.objects.filter(job=task).update(last_finished_at=NOON - timedelta(minutes=4))
    payments = found("payments")
    assert (payments.tone, payments.mend) == (BAD, "worker-stuck.md")
    assert payments.command == "celery -A hall worker -Q payments"
    assert found("notices").tone == found("default").tone == OK


@pytest.mark.usefixtures("all_well")
def test_the_broker_away_is_told(broker_away: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert found("payments").mend == "broker-away.md"


@pytest.mark.parametrize(
    ("age", "tone"),
    [(timedelta(seconds=59), OK), (timedelta(seconds=61), WARN), (timedelta(seconds=601), BAD)],
)
def test_rows_that_wait(age: timedelta, tone: str) -> None:
    build.hall(1)
    Delivery.objects.filter(state=DeliveryState.QUEUED).update(next_attempt_at=NOON + timedelta(days=1))
    delivery = Delivery.objects.filter(state=DeliveryState.QUEUED).first()
    if delivery is None:
        delivery = Delivery.objects.create(
            message=Delivery.objects.earliest("id").message,
            template=Delivery.objects.earliest("id").template,
            channel="sms",
            address="+8613800000001",
            created_at=NOON,
            next_attempt_at=NOON,
        )
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=NOON - age)
    assert (found("待发的短信和邮件").tone, found("待发的短信和邮件").mend) == (tone, "messages-wait.md")


def test_callbacks_that_need_a_person() -> None:
    build.dead_callback(money.payment(money.account(), 100))
    assert (found("支付回调").tone, found("支付回调").mend) == (BAD, "callback-stuck.md")


def test_news_that_stopped() -> None:
    build.outbox_row(OutboxRow.State.DEAD)
    assert (found("已停止").tone, found("已停止").mend) == (BAD, "news-dead.md")


@pytest.mark.parametrize(
    ("ok", "mend"), [(False, "ledger-check-failed.md"), (True, "ledger-check-failed.md")]
)
def test_a_job_that_failed(ok: bool, mend: str) -> None:
    heartbeats.note("check_ledgers", every=timedelta(days=1), as_of=NOON, ok=ok)
    assert (found("check_ledgers").tone, found("check_ledgers").mend) == (OK if ok else BAD, mend)


def test_a_job_that_fell_silent() -> None:
    heartbeats.note("some.job", every=timedelta(minutes=1), as_of=NOON - timedelta(minutes=5), ok=True)
    job = found("some.job")
    assert (job.tone, job.mend, job.command) == (BAD, "job-silent.md", "")
    assert "5 分钟" in job.note


@pytest.mark.parametrize(
    ("job", "command"),
    [
        ("check_ledgers", "manage.py check_ledgers"),
        ("billing.apply_callbacks", "celery -A hall call billing.apply_callbacks"),
        ("job.of.the.past", ""),
    ],
)
def test_what_runs_a_job_by_hand_stands_beside_it(job: str, command: str) -> None:
    heartbeats.note(job, every=timedelta(minutes=1), as_of=NOON, ok=False)
    assert found(job).command == command


@pytest.mark.parametrize(
    ("hours", "ok", "tone"),
    [(1, True, OK), (35, True, OK), (37, True, BAD), (1, False, BAD), (None, True, BAD)],
)
def test_the_last_backup(hours: int | None, ok: bool, tone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "_expected", {"backup": timedelta(days=1)})
    if hours is not None:
        heartbeats.note("backup", every=timedelta(days=1), as_of=NOON - timedelta(hours=hours), ok=ok)
    assert (found("最近备份").tone, found("最近备份").mend) == (tone, "restore-from-backup.md")


def test_who_backs_up_by_other_means_is_not_bothered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "_expected", {})
    assert found("最近备份").tone == OK


def test_a_migration_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "pending", lambda: [("billing", "0099_next")])
    waiting = found("未执行的迁移")
    assert (waiting.tone, waiting.figure, waiting.note) == (BAD, "1", "billing.0099_next")


@pytest.mark.parametrize(("days", "tone"), [(31, OK), (29, WARN), (6, BAD), (-1, BAD)])
def test_a_certificate_that_ends(days: int, tone: str, settings: Any, tmp_path: Path) -> None:
    certificate, _key = self_signed("hall.example.com", ends_at=NOON.astimezone(UTC) + timedelta(days=days))
    (tmp_path / "tls.pem").write_bytes(certificate)
    settings.TLS_CERT_FILE = str(tmp_path / "tls.pem")
    assert (found("TLS_CERT_FILE").tone, found("TLS_CERT_FILE").mend) == (tone, "certificate-ends.md")


def test_a_key_file_that_cannot_be_used(settings: Any, tmp_path: Path) -> None:
    settings.ALIPAY_PUBLIC_KEY_FILE = str(tmp_path / "nothing.pem")
    assert found("ALIPAY_PUBLIC_KEY_FILE").tone == BAD


@pytest.mark.parametrize(("free", "tone"), [(50, OK), (14, WARN), (4, BAD)])
def test_a_disk_that_fills(free: int, tone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"total": 100 * 10**9, "free": free * 10**9})
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    assert (found("程序").tone, found("程序").figure) == (tone, f"剩余 {free}%")


def test_a_question_that_fails_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(as_of: datetime) -> Iterator[Finding]:
        raise OperationalError("gone")

    monkeypatch.setattr(status, "outbox", away)
    sections = {str(section.title): section.findings for section in status.read(as_of=NOON)}
    assert sections["消息出站"][0].tone == BAD
    assert sections["版本"][0].tone == OK


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 秒"), (59, "59 秒"), (60, "1 分钟"), (7_199, "1 小时"), (200_000, "2 天")]
)
def test_spans_of_time(seconds: int, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text


def test_everything_that_is_named_to_mend_is_there() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "hall" / "upkeep").glob("*.py"))
    named = set(re.findall(r'"([a-z-]+\.md)"', sources))
    runbooks = {path.name for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert len(named) > 10
    assert named <= runbooks


def test_the_index_of_the_runbooks_names_each() -> None:
    folder = ROOT / "docs" / "runbooks"
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in folder.glob("*.md")} - {"README.md"} == set(
        re.findall(r"\(([a-z-]+\.md)\)", text)
    )


def test_the_command_ends_with_one_when_something_is_bad() -> None:
    out = io.StringIO()
    build.outbox_row(OutboxRow.State.DEAD)
    with pytest.raises(SystemExit) as ended:
        call_command("status", "--json", stdout=out)
    assert ended.value.code == 1
    told = json.loads(out.getvalue())
    assert told["status"] == BAD
    assert {"name", "tone", "figure", "note", "mend", "command"} == set(told["sections"][0]["findings"][0])


@pytest.mark.usefixtures("all_well")
def test_the_command_shows_only_what_is_bad() -> None:
    out = io.StringIO()
    call_command("status", "--bad", stdout=out)
    assert out.getvalue() == ""


def test_the_page_shows_it_to_those_who_may_see_heartbeats(desk: Client) -> None:
    build.outbox_row(OutboxRow.State.DEAD)
    answer = desk.get(reverse(URL))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "docs/runbooks/news-dead.md" in text
    assert "有需要处理的项目" in text
    assert reverse(URL) in desk.get(reverse("admin:index")).content.decode()


def test_a_customer_and_other_staff_do_not_see_it(client: Client) -> None:
    client.force_login(money.user())
    assert client.get(reverse(URL)).status_code in (302, 403)
    client.force_login(build.staff_with("billing.view_bill"))
    assert client.get(reverse(URL)).status_code in (302, 403)
