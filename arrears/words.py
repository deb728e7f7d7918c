"""How an account in arrears reads to its members, in their language: what is so, what comes when, what to do."""

from dataclasses import dataclass
from datetime import date

from django.utils import formats
from django.utils.translation import gettext as _

from arrears.choices import Hold, Stage
from arrears.selectors.outlook import Kept, Outlook, PaidFor
from core.money import display


@dataclass(frozen=True, slots=True)
class Said:
    """One account in a title and a few sentences. `kind`: of alert. What can be done at once: one of the three."""

    kind: str
    title: str
    text: str
    may_pay: bool = False
    may_restore: bool = False


# Which hold is named where there are several: the one that asks for something first.
_ORDER = (Hold.IN_FLIGHT, Hold.DISPUTE, Hold.PROMISE, Hold.EXEMPTION)


def said(outlook: Outlook) -> Said:
    if _is_cut(outlook):
        return _cut(outlook)
    return _off(outlook) if outlook.is_off else _on(outlook)


def said_to_family(each: PaidFor) -> Said:
    """To somebody for whom another account pays: what becomes of his service, nothing of the other one's money."""
    values = {"number": each.number, "day": day(each.day) if each.day else ""}
    if each.is_off:
        title = _("为户号 %(number)s 付费的另一户欠费，服务已停") % values
        text = _("对方缴清后自动恢复，一般只要几分钟。")
        if each.day:
            text = _("对方缴清后自动恢复，一般只要几分钟。最早 %(day)s 拆机，拆机以前会再通知您。")
        return Said("bad", title, text % values)
    title = _("为户号 %(number)s 付费的另一户欠费") % values
    text = _("请提醒对方缴清，否则服务可能停止。")
    if each.day:
        text = _("您的服务最早 %(day)s 停止，请提醒对方在这以前缴清。")
    return Said("warn", title, text % values)


def _is_cut(outlook: Outlook) -> bool:
    return outlook.is_cut or bool(outlook.kept and not outlook.is_late)


def hold(which: Hold, until: date, outlook: Outlook) -> str:
    """What that hold means, and until when."""
    if _is_cut(outlook):
        texts = {
            Hold.IN_FLIGHT: _("有一笔支付正在确认，请不要重复付款。"),
            Hold.DISPUTE: _("您对账单的异议正在核查，请等待答复。没有异议的部分请照常缴费。"),
            Hold.PROMISE: _("已延期至 %(until)s。"),
            Hold.EXEMPTION: _("欠费仍需缴清。"),
        }
    elif outlook.is_off:
        texts = {
            Hold.IN_FLIGHT: _("有一笔支付正在确认，请不要重复付款；到账后服务自动恢复。"),
            Hold.DISPUTE: _("您对账单的异议正在核查，答复以前不会拆机。没有异议的部分缴清后，服务自动恢复。"),
            Hold.PROMISE: _("已延期至 %(until)s，这一天及以前不会拆机。"),
            Hold.EXEMPTION: _("%(until)s 及以前不会因欠费拆机。缴清后服务自动恢复。"),
        }
    else:
        texts = {
            Hold.IN_FLIGHT: _("有一笔支付正在确认，请不要重复付款；确认以前不会停机。"),
            Hold.DISPUTE: _("您对账单的异议正在核查，答复以前不会停机。没有异议的部分请照常缴费。"),
            Hold.PROMISE: _("已延期至 %(until)s，这一天及以前缴清就不会停机。"),
            Hold.EXEMPTION: _("%(until)s 及以前不会因欠费停机；欠费仍需缴清。"),
        }
    return texts[which] % {"until": day(until)}


def day(value: date) -> str:
    return str(formats.date_format(value, "DATE_FORMAT"))


def numbers(kept: tuple[Kept, ...]) -> str:
    return _("、").join(each.service_number for each in kept)


def _on(outlook: Outlook) -> Said:
    title = _("户号 %(number)s 欠费 %(amount)s") % _values(outlook)
    if held := _held(outlook):
        kind = "wait" if held[0] == Hold.IN_FLIGHT else "warn"
        return Said(kind, title, hold(*held, outlook), may_pay=held[0] != Hold.IN_FLIGHT)
    comes = outlook.days.get(Stage.SUSPENDED)
    if comes is None:
        text = _("%(due)s 已到期，请尽快缴清。")
    elif comes > outlook.today:
        text = _("%(due)s 已到期。最早 %(suspend)s 停机，在这之前缴清就不会停机。")
    else:
        text = _("%(due)s 已到期，随时可能停机，请马上缴清。")
    return Said("warn", title, text % _values(outlook), may_pay=True)


def _off(outlook: Outlook) -> Said:
    title = _("户号 %(number)s 从 %(since)s 起因欠费停机") % _values(outlook)
    if not outlook.owed_cents:
        return Said("ok", title, _("费用已缴清，正在恢复服务，一般只要几分钟。"))
    title = _("户号 %(number)s 从 %(since)s 起因欠费 %(amount)s 停机") % _values(outlook)
    if held := _held(outlook):
        is_paying = held[0] == Hold.IN_FLIGHT
        return Said("wait" if is_paying else "bad", title, hold(*held, outlook), may_pay=not is_paying)
    comes = outlook.days.get(Stage.DISCONNECTED)
    if comes is None:
        text = _("缴清后自动恢复，一般只要几分钟。")
    elif comes > outlook.today:
        text = _("缴清后自动恢复，一般只要几分钟。%(cut)s 以前不会拆机。")
    else:
        text = _("随时可能拆机。请马上缴清，缴清后自动恢复。")
    return Said("bad", title, text % _values(outlook), may_pay=True)


def _cut(outlook: Outlook) -> Said:
    owes = bool(outlook.owed_cents)
    title = _("户号 %(number)s 因欠费 %(amount)s 已拆机") if owes else _("户号 %(number)s 因欠费已拆机")
    title %= _values(outlook)
    if owes and Hold.IN_FLIGHT in dict(outlook.holds):
        return Said("wait", title, _("有一笔支付正在确认，请不要重复付款。"))
    if not outlook.kept:
        text = _("欠费仍需缴清。") if owes else _("费用已缴清。")
        return Said("bad" if owes else "ok", title, text % _values(outlook), may_pay=owes)
    if owes:
        text = _("号码 %(kept)s 为您保留至 %(until)s，缴清后可以恢复。")
    else:
        text = _("号码 %(kept)s 为您保留至 %(until)s，这一天及以前可以恢复，之后可能分配给别人。")
    return Said("bad" if owes else "warn", title, text % _values(outlook), may_pay=owes, may_restore=not owes)


def _held(outlook: Outlook) -> tuple[Hold, date] | None:
    known = dict(outlook.holds)
    return next(((each, known[each]) for each in _ORDER if each in known), None)


def _values(outlook: Outlook) -> dict[str, str]:
    facts = outlook.facts
    days = {
        "due": facts.due_on,
        "suspend": outlook.days.get(Stage.SUSPENDED),
        "since": facts.suspended_on or facts.since,
        "cut": outlook.days.get(Stage.DISCONNECTED),
        "until": min((each.until for each in outlook.kept), default=None),
    }
    return {
        "number": outlook.number,
        "amount": display(outlook.owed_cents),
        "kept": numbers(outlook.kept),
    } | {name: day(value) if value else "" for name, value in days.items()}
