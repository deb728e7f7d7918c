"""The figures of the staff's first page, of what its reader may see. Each is one query that an index answers."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any, TypedDict

from django.db.models import Case, Count, IntegerField, Min, Q, Sum, Value, When
from django.db.models.functions import TruncDate
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.gateways import registry
from billing.models import CallbackState, DifferenceState, GatewayCallback, Payment, PaymentState, Receipt
from billing.models.payments import UNDECIDED
from billing.selectors import counter, refunds, statements, unallocated
from billing.services.money import ledger_check
from billing.texts import AT_THE_COUNTER
from catalog.orders.models import Order, OrderState
from catalog.orders.services import watch
from content.models import ContentTask
from core import clock, heartbeats, money
from core.models import Approval, ApprovalState, Heartbeat, OutboxRow
from core.scopes import Sight
from notices.models import Delivery, DeliveryState
from operations.models import Slip, SlipState
from resources.models import Command, CommandState, LowStock

STUCK_AFTER = timedelta(minutes=1)  # a callback is applied within seconds
DAYS_SHOWN = 7
LONGEST_UNEXPLAINED = timedelta(days=7)  # money whose owner waits for it


class Card(TypedDict):
    """One figure: `tone` is ok | wait | warn | bad, `query` leads to its rows."""

    title: str | Promise
    figure: str
    note: str | Promise
    tone: str
    icon: str
    query: str


def slips(as_of: datetime, sight: Sight) -> list[Card]:
    """How today's requests ended so far."""
    counted = sight(Slip.objects.filter(started_at__gte=_midnight(as_of))).aggregate(
        all=Count("id"),
        done=Count("id", filter=Q(state=SlipState.DONE)),
        refused=Count("id", filter=Q(state__in=(SlipState.REFUSED, SlipState.FAILED))),
    )
    return [
        Card(
            title=_("今日受理"),
            figure=str(counted["all"]),
            note=_("完成 %(done)s，未受理或未成功 %(refused)s") % counted,
            tone="ok",
            icon="assignment",
            query=f"started_at_from={_local(as_of)}",
        )
    ]


def callbacks(as_of: datetime, sight: Sight) -> list[Card]:
    """Callbacks that wait longer than they should, or that were given up."""
    late = Q(state=CallbackState.NEW, received_at__lt=as_of - STUCK_AFTER)
    found = sight(GatewayCallback.objects.filter(late | Q(state=CallbackState.DEAD))).aggregate(
        late=Count("id", filter=Q(state=CallbackState.NEW)),
        dead=Count("id", filter=Q(state=CallbackState.DEAD)),
        oldest=Min("received_at"),
    )
    return [
        Card(
            title=_("卡住的回调"),
            figure=str(found["late"] + found["dead"]),
            note=_("需人工 %(dead)s，超时未入账 %(late)s") % found,
            tone="bad" if found["dead"] else "warn" if found["late"] else "ok",
            icon="webhook",
            query=f"state__exact={CallbackState.DEAD if found['dead'] else CallbackState.NEW}",
        )
    ]


def undecided(as_of: datetime, sight: Sight) -> list[Card]:
    """Payments without a result."""
    found = sight(Payment.objects.filter(state__in=UNDECIDED)).aggregate(
        all=Count("id"),
        unknown=Count("id", filter=Q(state=PaymentState.UNKNOWN)),
        late=Count("id", filter=Q(expires_at__lt=as_of)),
    )
    return [
        Card(
            title=_("待定支付"),
            figure=str(found["all"]),
            note=_("确认中 %(unknown)s，过期未关闭 %(late)s") % found,
            tone="warn" if found["late"] or found["unknown"] else "ok",
            icon="hourglass_top",
            query=f"state__exact={PaymentState.UNKNOWN if found['unknown'] else PaymentState.PENDING}",
        )
    ]


def unallocated_money(as_of: datetime, sight: Sight) -> list[Card]:
    """Money that came in and is used for no bill; what somebody must look at colours the card."""
    found = unallocated.sums(sight)
    waiting = [found[name] for name in ("review", "suspense", "missing")]
    held = [*waiting[:2], found["credit"]]
    since = min((each.oldest for each in waiting if each.oldest), default=as_of)
    return [
        Card(
            title=_("未销账款项"),
            figure=money.display(sum(each.cents for each in held)),
            note=_("待核查 %(review)s 笔，过渡 %(suspense)s 笔，退款待更正 %(missing)s 笔")
            % {name: found[name].receipts for name in ("review", "suspense", "missing")},
            tone=_tone_of_unallocated(sum(each.receipts for each in waiting), as_of - since),
            icon="savings",
            query="unused=review" if found["review"].receipts else "unused=yes",
        )
    ]


def _tone_of_unallocated(receipts: int, age: timedelta) -> str:
    if not receipts:
        return "ok"
    return "bad" if age > LONGEST_UNEXPLAINED else "warn"


def waiting_approvals(as_of: datetime, sight: Sight) -> list[Card]:
    """What waits for a second person."""
    found = sight(Approval.objects.filter(state=ApprovalState.REQUESTED)).aggregate(
        all=Count("id"), oldest=Min("requested_at"), cents=Sum("amount_cents", default=0)
    )
    days = (as_of - found["oldest"]).days if found["oldest"] else 0
    return [
        Card(
            title=_("待审批"),
            figure=str(found["all"]),
            note=_("共 %(amount)s，最久已等 %(days)s 天")
            % {"amount": money.display(int(found["cents"])), "days": days},
            tone="warn" if days else "wait" if found["all"] else "ok",
            icon="how_to_reg",
            query=f"state__exact={ApprovalState.REQUESTED}",
        )
    ]


def refunds_under_way(as_of: datetime, sight: Sight) -> list[Card]:
    """Refunds that have not ended; those past their day, and those that the gateway could not finish."""
    found = refunds.counts(as_of=as_of, sight=sight)
    return [
        Card(
            title=_("未办结退款"),
            figure=str(found.open),
            note=_("待审批 %(requested)s，异常 %(abnormal)s，已过最迟退款日 %(overdue)s")
            % {"requested": found.requested, "abnormal": found.abnormal, "overdue": found.overdue},
            tone="bad" if found.overdue else "warn" if found.abnormal or found.requested else "ok",
            icon="currency_exchange",
            query="open=overdue" if found.overdue else "open=yes",
        )
    ]


def outbox(as_of: datetime, sight: Sight) -> list[Card]:
    """News that nobody could handle."""
    found = sight(OutboxRow.objects.exclude(state=OutboxRow.State.DONE)).aggregate(
        dead=Count("id", filter=Q(state=OutboxRow.State.DEAD)),
        waiting=Count("id", filter=Q(state=OutboxRow.State.PENDING)),
    )
    return [
        Card(
            title=_("停止的消息"),
            figure=str(found["dead"]),
            note=_("排队中 %(waiting)s") % found,
            tone="bad" if found["dead"] else "ok",
            icon="outbox",
            query=f"state__exact={OutboxRow.State.DEAD}",
        )
    ]


def deliveries(as_of: datetime, sight: Sight) -> list[Card]:
    """Messages of the last seven days that did not arrive."""
    since = as_of - timedelta(days=DAYS_SHOWN)
    failed = Delivery.objects.filter(state=DeliveryState.FAILED, created_at__gte=since)
    found = sight(failed).aggregate(
        failed=Count("id"), today=Count("id", filter=Q(created_at__gte=_midnight(as_of)))
    )
    return [
        Card(
            title=_("未送达通知"),
            figure=str(found["failed"]),
            note=_("最近 7 天；今天 %(today)s") % found,
            tone="warn" if found["failed"] else "ok",
            icon="sms_failed",
            query=f"state__exact={DeliveryState.FAILED}",
        )
    ]


def statement_differences(as_of: datetime, sight: Sight) -> list[Card]:
    """Where the channels' statements and our books do not agree."""
    found = statements.unsettled_sums(sight)
    return [
        Card(
            title=pgettext_lazy("plural", "对账差异"),
            figure=str(found["open"]),
            note=_("金额 %(cents)s，跨日待查 %(held)s 笔")
            % {"cents": money.display(found["cents"]), "held": found["held"]},
            tone="bad" if found["open"] else "ok",
            icon="difference",
            query=f"state__exact={DifferenceState.OPEN}",
        )
    ]


def undeposited(as_of: datetime, sight: Sight) -> list[Card]:
    """Counter cash that is not yet at the bank."""
    held = counter.tills(sight)
    days = max((till.age(as_of).days for till in held), default=0)
    return [
        Card(
            title=_("未解款现金"),
            figure=money.display(sum(till.cents for till in held)),
            note=_("%(people)s 人，最久 %(days)s 天") % {"people": len(held), "days": days},
            tone="warn" if days else "ok",
            icon="point_of_sale",
            query="where=till",
        )
    ]


def content_tasks(as_of: datetime, sight: Sight) -> list[Card]:
    """Sections in which nothing new has come for too long."""
    found = (
        sight(ContentTask.objects.all())
        .filter(done_at__isnull=True)
        .aggregate(all=Count("id"), oldest=Min("unchanged_since"))
    )
    days = (as_of - found["oldest"]).days if found["oldest"] else 0
    return [
        Card(
            title=_("该更新的栏目"),
            figure=str(found["all"]),
            note=_("最久 %(days)s 天没有新内容") % {"days": days} if found["all"] else _("各栏目都在更新"),
            tone="warn" if found["all"] else "ok",
            icon="task",
            query="done_at__isempty=1",
        )
    ]


def commands(as_of: datetime, sight: Sight) -> list[Card]:
    """Commands to far systems that wait for a person."""
    found = sight(Command.objects.exclude(state=CommandState.DONE)).aggregate(
        failed=Count("id", filter=Q(state=CommandState.FAILED)),
        waiting=Count("id", filter=Q(state__in=(CommandState.WAITING, CommandState.BEHIND))),
    )
    return [
        Card(
            title=_("待人工开通"),
            figure=str(found["failed"]),
            note=_("排队中 %(waiting)s") % found,
            tone="bad" if found["failed"] else "ok",
            icon="power",
            query=f"state__exact={CommandState.FAILED}",
        )
    ]


def low_stock(as_of: datetime, sight: Sight) -> list[Card]:
    """Places where less lies than they want."""
    count = sight(LowStock.objects.filter(ended_at=None)).count()
    return [
        Card(
            title=_("低库存"),
            figure=str(count),
            note=_("到达告警线的地点和货号"),
            tone="warn" if count else "ok",
            icon="inventory_2",
            query="ended_at__isempty=1",
        )
    ]


def stuck_orders(as_of: datetime, sight: Sight) -> list[Card]:
    """Orders that a person must look at."""
    count = watch.stuck(sight(Order.objects.all()), as_of=as_of).count()
    return [
        Card(
            title=_("卡住的订单"),
            figure=str(count),
            note=_("开通失败或超过承诺时间"),
            tone="bad" if count else "ok",
            icon="conveyor_belt",
            query=f"state__exact={OrderState.IN_PROGRESS}",
        )
    ]


CARDS: tuple[tuple[str, Callable[[datetime, Sight], list[Card]]], ...] = (
    ("operations.slip", slips),
    ("billing.gatewaycallback", callbacks),
    ("billing.payment", undecided),
    ("billing.receipt", unallocated_money),
    ("billing.refundrequest", refunds_under_way),
    ("billing.countermoney", undeposited),
    ("billing.statementdifference", statement_differences),
    ("core.approval", waiting_approvals),
    ("core.outboxrow", outbox),
    ("notices.delivery", deliveries),
    ("content.contenttask", content_tasks),
    ("catalog.order", stuck_orders),
    ("resources.command", commands),
    ("resources.lowstock", low_stock),
)


def collected(as_of: datetime, sight: Sight) -> dict[str, Any]:
    """Money booked today by gateway, and per day of the last seven; history that an import brought is left out."""
    first = _midnight(as_of) - timedelta(days=DAYS_SHOWN - 1)
    booked = sight(Receipt.objects.filter(booked_at__gte=first).exclude(gateway__startswith="import:"))
    grouped = (
        booked.annotate(day=TruncDate("booked_at", tzinfo=clock.SHANGHAI))
        .values("day", "gateway")
        .annotate(cents=Sum("amount_cents"), receipts=Count("id"))
        .order_by("day", "gateway")
    )
    rows: list[dict[str, Any]] = [dict(row) for row in grouped]
    today = clock.local_date(as_of)
    of_today = [row for row in rows if row["day"] == today]
    return {
        "cents": sum(row["cents"] for row in of_today),
        "receipts": sum(row["receipts"] for row in of_today),
        "gateways": [row | {"name": _gateway(row["gateway"])} for row in of_today],
        "days": _days(rows, as_of),
    }


def jobs(as_of: datetime) -> list[dict[str, Any]]:
    """Each recurring job: when it last ended, how, and whether it has been silent for too long."""
    silent = {silence.job for silence in heartbeats.silent(as_of=as_of)}
    rows = Heartbeat.objects.annotate(
        rank=Case(When(job=ledger_check.JOB, then=Value(0)), default=Value(1), output_field=IntegerField())
    ).order_by("rank", "job")
    found = [_job(row, row.job in silent) for row in rows]
    never = silent - {job["job"] for job in found}
    return found + [
        {"job": job, "at": None, "tone": "bad", "text": _("从未运行"), "has_row": False}
        for job in sorted(never)
    ]


def _job(row: Heartbeat, is_silent: bool) -> dict[str, Any]:
    tone, text = _how_it_is(row, is_silent)
    return {"job": row.job, "at": row.last_finished_at, "tone": tone, "text": text, "has_row": True}


def _how_it_is(row: Heartbeat, is_silent: bool) -> tuple[str, str | Promise]:
    differences = row.detail.get("differences")
    if is_silent:
        return "bad", _("已中断")
    if differences:
        return "bad", _("账务不平：%(count)s 处") % {"count": differences}
    if not row.last_ok:
        return "bad", _("上次失败")
    if row.last_finished_at is None:
        return "wait", _("运行中")
    return "ok", _("账务平衡") if row.job == ledger_check.JOB else _("正常")


def _days(rows: list[dict[str, Any]], as_of: datetime) -> list[dict[str, Any]]:
    today = clock.local_date(as_of)
    days = [today - timedelta(days=back) for back in range(DAYS_SHOWN - 1, -1, -1)]
    sums = {day: sum(row["cents"] for row in rows if row["day"] == day) for day in days}
    most = max(sums.values()) or 1
    return [{"day": day, "cents": sums[day], "height": round(100 * sums[day] / most)} for day in days]


def _gateway(code: str) -> str | Promise:
    return (dict(registry.codes()) | AT_THE_COUNTER).get(code, code)


def _midnight(as_of: datetime) -> datetime:
    return datetime.combine(clock.local_date(as_of), time.min, tzinfo=clock.SHANGHAI)


def _local(as_of: datetime) -> str:
    return clock.local_date(as_of).isoformat()
