"""欠费与停机: what is owed, what happened, what comes next and when, and what can be done about it."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import BillingAccount
from accounts.rules import Action
from arrears import words
from arrears.choices import Hold, Stage
from arrears.models import Escalation
from arrears.selectors import outlook as reads
from arrears.selectors import timeline
from arrears.selectors.outlook import Outlook
from arrears.services import promises
from arrears.templatetags.arrears import banner_of, pay_url, restore_url
from billing.models import Bill
from billing.selectors import balances
from billing.selectors import payments as payment_reads
from catalog.pauses.selectors import pauses
from core import clock
from core.errors import Conflict
from operations import registry
from operations.registry import Operation
from operations.templatetags.slips import operation_url


@dataclass(frozen=True, slots=True)
class Way:
    """Something that can be done; without `href` it cannot be done now, and `text` says why."""

    title: str
    text: str
    icon: str
    href: str = ""


@login_required
@require_safe
@never_cache
def account_list(request: HttpRequest) -> HttpResponse:
    """The user's accounts: those in arrears first, each with what is so."""
    found = reads.everything(request.user, as_of=clock.now())
    context = {
        "concerned": [banner_of(each) for each in found if each.is_concerned],
        "others": [each for each in found if not each.is_concerned],
        "paid_for": [
            (each.number, words.said_to_family(each))
            for each in reads.paid_for(request.user, as_of=clock.now())
        ],
    }
    return render(request, "arrears/accounts.html", context)


@login_required
@require_safe
@never_cache
def account(request: HttpRequest, number: str) -> HttpResponse:
    """One account: 404 for a stranger's."""
    now = clock.now()
    found = reads.one(request.user, number, as_of=now)
    if found is None:
        raise Http404
    own = BillingAccount.every.get(pk=found.subject.account_id)
    bills = timeline.counting(own.pk)
    cases = list(timeline.cases(own.pk)[:10])
    context = {
        "outlook": found,
        "banner": banner_of(found) if found.is_concerned else None,
        "holds": [words.hold(which, until, found) for which, until in found.holds],
        "overview": balances.of_account(own, today=found.today),
        "bills": bills,
        "pay": pay_url(number) if found.may(Action.PAY) else "",
        "undecided": [each for each in payment_reads.undecided(request.user) if each.account_id == own.pk],
        "ahead": _ahead(found),
        "case": next(iter(cases), None),
        "events": timeline.events(cases[0]) if cases else [],
        "earlier": cases[1:],
        "ways": _ways(request.user, found, bills),
    }
    return render(request, "arrears/account.html", context)


def _ahead(found: Outlook) -> list[tuple[date, str]]:
    """The days to come, with what would happen on each were nothing paid."""
    titles = {
        Stage.OVERDUE: _("账单逾期"),
        Stage.SUSPEND_WARNED: _("发出停机预告"),
        Stage.SUSPENDED: _("停机"),
        Stage.DISCONNECT_WARNED: _("发出拆机预告"),
        Stage.DISCONNECTED: _("可能拆机：先要每个联系方式都收到过预告，并由两人批准"),
    }
    return [(day, titles[stage]) for stage, day in found.days.items() if stage in titles]


def _ways(user: Any, found: Outlook, bills: list[Bill]) -> list[Way]:
    ways = [_promise(found), *_disputes(found, bills), *_service(user, found)]
    told = f"{reverse('accounts:messages')}?{urlencode({'account': found.number})}"
    ways.append(Way(_("我收到的通知"), _("发给您的每一条通知和它是否送达"), "message", told))
    return [way for way in ways if way is not None]


def _promise(found: Outlook) -> Way | None:
    """To pay later; or why not, where that is not plain from the page itself."""
    operation = registry.find("bill.promise")
    if operation is None or not found.is_late or not found.may(Action.PAY):
        return None
    try:
        _subject, until = promises.terms(found.subject.account_id, as_of=clock.now())
    except Conflict as refused:
        return Way(str(operation.title), refused.text, "cycle")
    if any(which == Hold.EXEMPTION and free >= until for which, free in found.holds):
        return None  # it would gain him nothing, and use up the month's one
    text = _("延期至 %(until)s，期间不会停机") % {"until": words.day(until)}
    return Way(str(operation.title), text, "cycle", _asking(operation, account=found.number))


def _disputes(found: Outlook, bills: list[Bill]) -> list[Way]:
    """That a bill is wrong, or that the line was stopped or cut wrongly."""
    if not found.may(Action.DISPUTE):
        return []
    ways = []
    bill, line = registry.find("bill.dispute"), registry.find("service.dispute_disconnection")
    undisputed = next((each for each in bills if not vars(each)["disputed"]), None)
    if bill is not None and undisputed is not None:
        href = _asking(bill, bill=undisputed.number)
        ways.append(Way(str(bill.title), str(bill.summary), "dispute", href))
    if line is not None and (found.is_off or found.is_cut or found.kept):
        ways.append(Way(str(line.title), str(line.summary), "shield", operation_url(line)))
    if Escalation.objects.filter(account_id=found.subject.account_id).exists():
        ways.append(
            Way(_("我的申诉"), _("您提出的申诉和我们的答复"), "shield", reverse("arrears:escalations"))
        )
    return ways


def _service(user: Any, found: Outlook) -> list[Way]:
    """The number of a line that was cut; a line that is paused, or might be."""
    if not found.may(Action.ORDER):
        return []
    ways = []
    if href := restore_url(found):
        text = _("号码 %(kept)s 还为您保留着") % {"kept": words.numbers(found.kept)}
        ways.append(Way(_("恢复号码"), text, "phone", href))
    paused = pauses.paused_of(user).filter(account_id=found.subject.account_id).exists()
    code = "service.resume" if paused else "service.pause"
    operation = registry.find(code)
    if operation is not None and (paused or not found.is_concerned):
        ways.append(Way(str(operation.title), str(operation.summary), "phone", operation_url(operation)))
    return ways


def _asking(operation: Operation, **filled: str) -> str:
    """The operation's page with its form filled in."""
    return f"{operation_url(operation)}?{urlencode(filled)}"
