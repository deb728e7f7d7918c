"""The state of everything that keeps the hall alive, each with what mends it: for the staff's page and `status`.

Every question is asked on its own: one that fails, or takes too long, is an answer too.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.core.management import get_commands
from django.db import Error, connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.orders.models import Order
from catalog.orders.services import watch
from core import clock, heartbeats, metrics
from core.models import Heartbeat, OutboxRow
from core.queues import Queue
from hall.upkeep import bill_runs, machine
from hall.upkeep.findings import BAD, OK, WARN, Finding, span
from resources.models import LowStock

_TIMEOUT_MS = 3_000
_LATE, _STUCK = timedelta(minutes=1), timedelta(minutes=10)
_RUNBOOK = {
    "callbacks": "callback-stuck.md",
    "deliveries": "messages-wait.md",
    "notices.deliver_letters": "letters-wait.md",
    "notices.poll_receipts": "receipts-missing.md",
    "refunds_to_send": "refund-stuck.md",
    "refunds_accepted": "refund-stuck.md",
    "data_exports": "worker-stuck.md",
    "commands": "provisioning-failed.md",
    "check_ledgers": "ledger-check-failed.md",
    "backup": "restore-from-backup.md",
    "issue_bills": "bill-run.md",
}
_WORK = {
    "callbacks": gettext_lazy("支付回调"),
    "data_exports": gettext_lazy("客户要的数据副本"),
    "deliveries": gettext_lazy("待发的短信和邮件"),
    "refunds_accepted": gettext_lazy("渠道正在处理的退款"),
    "refunds_to_send": gettext_lazy("待提交渠道的退款"),
}


@dataclass(frozen=True)
class Section:
    title: str | Promise
    findings: list[Finding]


def read(*, as_of: datetime) -> list[Section]:
    """All sections, in the order in which one looks at them."""
    return [
        Section(title, _asked(read_one, as_of))
        for title, read_one in (
            (gettext_lazy("任务队列"), worker_queues),
            (gettext_lazy("待处理数据"), queue_tables),
            (gettext_lazy("消息出站"), outbox),
            (gettext_lazy("订单"), orders),
            (gettext_lazy("库存"), stock),
            (gettext_lazy("定时任务"), jobs),
            (gettext_lazy("出账"), bill_runs.findings),
            (gettext_lazy("备份"), backups),
            (gettext_lazy("通知与支付渠道"), machine.gateways),
            (gettext_lazy("数据库"), machine.database),
            (gettext_lazy("磁盘与证书"), machine.disks),
            (gettext_lazy("版本"), machine.versions),
        )
    ]


def worst(sections: list[Section]) -> str:
    tones = {finding.tone for section in sections for finding in section.findings}
    return BAD if BAD in tones else WARN if WARN in tones else OK


def not_well(sections: list[Section]) -> list[tuple[str | Promise, Finding]]:
    """What somebody should look at, the worst first."""
    found = [(section.title, each) for section in sections for each in section.findings if each.tone != OK]
    return sorted(found, key=lambda entry: entry[1].tone != BAD)


def as_json(sections: list[Section]) -> dict[str, Any]:
    return {
        "status": worst(sections),
        "sections": [
            {
                "title": str(section.title),
                "findings": [
                    {name: str(value) for name, value in asdict(finding).items()}
                    for finding in section.findings
                ],
            }
            for section in sections
        ],
    }


def _asked(read_one: Callable[[datetime], Iterator[Finding]], as_of: datetime) -> list[Finding]:
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = %s", [_TIMEOUT_MS])
            return list(read_one(as_of))
    except Error as error:
        return [Finding(_("无法查询"), BAD, type(error).__name__, mend="database-away.md")]


def worker_queues(as_of: datetime) -> Iterator[Finding]:
    """Each queue of the broker: how many tasks lie there, and when a task of it last ended."""
    last = dict(Heartbeat.objects.values_list("job", "last_finished_at"))
    for queue, tasks in machine.tasks_by_queue().items():
        ended = max((at for task in tasks if (at := last.get(task))), default=None)
        depth = machine.depth(queue)
        if depth is None:
            yield Finding(queue, BAD, _("中间件连接不上"), mend="broker-away.md")
            continue
        tone = OK if ended and as_of - ended < heartbeats.PATIENCE * _LATE else BAD
        note = _("最近完成任务：%(ago)s前") % {"ago": span(as_of - ended)} if ended else _("还没有完成过任务")
        yield Finding(
            queue,
            tone,
            _("%(count)s 个任务") % {"count": depth},
            note,
            "worker-stuck.md",
            f"celery -A hall worker -Q {queue}",
        )


def queue_tables(as_of: datetime) -> Iterator[Finding]:
    """Tables whose rows are work."""
    for name, queue in metrics.queues().items():
        yield _table(name, queue, as_of)


def _table(name: str, queue: Queue[Any], as_of: datetime) -> Finding:
    depth = queue.depth(as_of=as_of)
    bad = depth.given_up or depth.oldest_due > _STUCK
    return Finding(
        _WORK.get(name, name),
        BAD if bad else WARN if depth.oldest_due > _LATE else OK,
        _("%(count)s 条待处理") % {"count": depth.waiting},
        _("最久已等 %(age)s；需人工 %(dead)s 条") % {"age": span(depth.oldest_due), "dead": depth.given_up},
        _RUNBOOK.get(name, "worker-stuck.md"),
    )


def outbox(as_of: datetime) -> Iterator[Finding]:
    rows = OutboxRow.objects.filter(state=OutboxRow.State.PENDING)
    first = rows.filter(next_attempt_at__lte=as_of).order_by("next_attempt_at").first()
    age = as_of - first.next_attempt_at if first else timedelta(0)
    dead = OutboxRow.objects.filter(state=OutboxRow.State.DEAD).count()
    yield Finding(
        _("待送达"),
        BAD if age > _STUCK else WARN if age > _LATE else OK,
        _("%(count)s 条待处理") % {"count": rows.count()},
        _("最久已等 %(age)s") % {"age": span(age)},
        "worker-stuck.md",
    )
    yield Finding(_("已停止"), BAD if dead else OK, str(dead), mend="news-dead.md")


def orders(as_of: datetime) -> Iterator[Finding]:
    """Orders that should be carried out by now, or that a far system refused."""
    stuck = watch.stuck(Order.objects.all(), as_of=as_of).order_by("promised_at")
    first = ", ".join(stuck.values_list("number", flat=True)[:5])
    count = stuck.count()
    yield Finding(_("卡住的订单"), BAD if count else OK, str(count), first, "order-stuck.md")


def stock(as_of: datetime) -> Iterator[Finding]:
    """Places where less lies than they want."""
    low = LowStock.objects.filter(ended_at=None).select_related("item__place").order_by("raised_at")
    first = ", ".join(f"{row.item.sku} @ {row.item.place}" for row in low[:5])
    count = low.count()
    yield Finding(_("低库存"), WARN if count else OK, str(count), first, "stock-low.md")


def jobs(as_of: datetime) -> Iterator[Finding]:
    """Each recurring job; those that are silent or failed come first."""
    silent = {silence.job: silence for silence in heartbeats.silent(as_of=as_of)}
    rows = {row.job: row for row in Heartbeat.objects.all()}
    found = [
        _job(name, rows.get(name), name in silent, as_of) for name in sorted(rows.keys() | silent.keys())
    ]
    yield from sorted(found, key=lambda finding: finding.tone != BAD)


def _job(name: str, row: Heartbeat | None, is_silent: bool, as_of: datetime) -> Finding:
    mend, command = _RUNBOOK.get(name, "job-silent.md"), _by_hand(name)
    if row is None:
        return Finding(name, BAD, _("从未运行"), mend=mend, command=command)
    ended = row.last_finished_at
    note = _("上次结束：%(ago)s前") % {"ago": span(as_of - ended)} if ended else _("还没有结束过")
    if is_silent:
        return Finding(name, BAD, _("已中断"), note, mend, command)
    tone, figure = (OK, _("正常")) if row.last_ok else (BAD, _("上次失败"))
    return Finding(name, tone, figure, note, mend, command)


def _by_hand(job: str) -> str:
    """What runs it now: a command of that name, or the task; "" for what is neither any more."""
    if job in get_commands():
        return f"manage.py {job}"
    return f"celery -A hall call {job}" if job in current_app.tasks else ""


def backups(as_of: datetime) -> Iterator[Finding]:
    row = Heartbeat.objects.filter(pk="backup").first()
    ended = row.last_finished_at if row and row.last_ok else None
    mend, command = "restore-from-backup.md", "manage.py backup"
    if row is None or ended is None:
        is_missed = "backup" in heartbeats.expected()
        text = _("还没有成功的备份") if is_missed or row else _("不由本系统备份")
        yield Finding(_("最近备份"), BAD if is_missed or row else OK, text, mend=mend, command=command)
        return
    age = as_of - ended
    yield Finding(
        _("最近备份"),
        BAD if age > timedelta(hours=36) else OK,
        ended.astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M"),
        _("%(folder)s，%(size)s MB")
        % {
            "folder": row.detail.get("folder", ""),
            "size": round(row.detail.get("bytes", 0) / 1_000_000, 1),
        },
        mend,
        command,
    )
