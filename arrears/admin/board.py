"""The staff's work page 「催缴看板」, and the list of those whom nobody can reach, with what to do about each."""

from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from arrears.choices import Stage
from arrears.models import ArrearsCase, CaseNotice, DisconnectPlan, PlanState
from arrears.rule_facts import POST
from arrears.rules import STAGES
from arrears.selectors import board, prospects
from arrears.selectors.board import Place, Saved
from arrears.selectors.prospects import Prospect
from core import approvals, clock, scopes
from core.backoffice import ReadOnlyAdmin
from core.masks import address as mask
from notices.models import DeliveryState

URL = "admin:arrears_arrearscase_board"
MONTHS, MOST_PLACES, MOST_ENDING, MOST_SHOWN = 12, 100, 20, 200
STEPS = STAGES[1:]
FIRST_YEAR = 2000


def may_open(user: Any) -> bool:
    return bool(user.has_perm("arrears.view_arrearscase"))


class WithBoard(ReadOnlyAdmin):
    """The list of cases, with the pages beside it."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("board/", wrap(self.board_view), name="arrears_arrearscase_board"),
            path("unreachable/", wrap(self.unreachable_view), name="arrears_arrearscase_unreachable"),
        ]
        return [*own, *super().get_urls()]

    def board_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        as_of, sight = clock.now(), scopes.sight(request.user)
        today = clock.local_date(as_of)
        total, places = board.by_stage(sight)
        stuck = board.unreachable(sight, as_of=as_of)
        may_exempt = request.user.has_perm("arrears.view_exemption")
        ending = list(board.ending(sight, today=today)[: MOST_ENDING + 1]) if may_exempt else []
        context = {
            **self._basics(request, _("催缴看板")),
            "stages": [Stage(stage).label for stage in STEPS],
            "total": _row(total),
            "places": [_row(place) for place in places[:MOST_PLACES]],
            "places_left": max(0, len(places) - MOST_PLACES),
            "steps": board.steps(sight, as_of=as_of),
            "failed": self._failed(request, as_of),
            "failed_days": board.FAILED_DAYS,
            "waiting": _waiting(request),
            "stuck": len(stuck),
            "stuck_most": board.MOST_LOOKED_AT,
            "ending": ending[:MOST_ENDING],
            "ending_days": board.ENDING_DAYS,
            "has_more_ending": len(ending) > MOST_ENDING,
            "may_exempt": may_exempt,
            **_saved(sight, today, request.GET.get("month", "")),
        }
        return TemplateResponse(request, "arrears/admin/board.html", context)

    def unreachable_view(self, request: HttpRequest) -> HttpResponse:
        """Each account that waits because somebody could not be told, with what to do."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        as_of = clock.now()
        found = board.unreachable(scopes.sight(request.user), as_of=as_of)
        shown = found[:MOST_SHOWN]
        cases = ArrearsCase.objects.in_bulk([each.subject.case_id for each in shown if each.subject.case_id])
        told = _last_told(list(cases))
        context = {
            **self._basics(request, _("无法通知的户号")),
            "rows": [_stuck(each, cases, told) for each in shown],
            "count": len(found),
            "most": MOST_SHOWN,
            "board": reverse(URL),
            "letters": _link(request, "notices.view_letterlist", "admin:notices_letterlist_desk"),
            "failures": _failures(request),
        }
        return TemplateResponse(request, "arrears/admin/unreachable.html", context)

    def _basics(self, request: HttpRequest, title: str | Promise) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "title": title}

    def _failed(self, request: HttpRequest, as_of: Any) -> dict[str, Any] | None:
        """Counts of what did not arrive, for who may look at deliveries."""
        if not request.user.has_perm("notices.view_delivery"):
            return None
        rows = board.failed(scopes.sight(request.user), as_of=as_of)
        grouped = rows.values_list("message__code").annotate(count=Count("pk")).order_by("-count")
        found = [(prospects.title(code), count) for code, count in grouped]
        return {"rows": found, "count": sum(count for _title, count in found), "url": _failures(request)}


def _failures(request: HttpRequest) -> str:
    return _link(request, "notices.view_delivery", "admin:notices_delivery_failures")


def _link(request: HttpRequest, permission: str, name: str) -> str:
    return reverse(name) if request.user.has_perm(permission) else ""


def _row(place: Place) -> dict[str, Any]:
    return {"name": place.name, "cells": [place.stages[stage] for stage in STEPS], "total": place.total}


def _waiting(request: HttpRequest) -> list[tuple[Any, int, str]]:
    """What waits for a second person and may be decided here, by kind, with where."""
    rows = approvals.waiting_for(request.user).filter(kind__startswith="arrears.").order_by()
    desk = reverse("admin:core_approval_desk")
    found: list[tuple[Any, int, str]] = []
    for name, count in rows.values_list("kind").annotate(count=Count("pk")).order_by("kind"):
        kind = approvals.find(name)
        found.append((kind.title if kind else name, count, desk))
    if request.user.has_perm("arrears.view_disconnectplan"):
        plans = scopes.seen(request.user, DisconnectPlan.objects.filter(state=PlanState.MADE)).count()
        page = reverse("admin:arrears_disconnectplan_changelist")
        found += [(_("拆机计划"), plans, f"{page}?state__exact={PlanState.MADE}")] if plans else []
    return found


def _saved(sight: scopes.Sight, today: date, asked: str) -> dict[str, Any]:
    """The rates by month, and by region for the month that is asked for."""
    this = today.replace(day=1)
    months, _regions = board.saved(sight, first=_before(this, MONTHS - 1), after=_before(this, -1))
    chosen = _month(asked, this)
    _months, regions = board.saved(sight, first=chosen, after=_before(chosen, -1))
    return {
        "months": [(month, f"{month:%Y-%m}", _rates(months.get(month, {}))) for month in _back(this)],
        "chosen": f"{chosen:%Y-%m}",
        "regions": [(name, _rates(rates)) for name, rates in regions.items()],
        "all_months": _rates(board.total(months.values())),
    }


def _rates(rates: dict[str, Saved]) -> list[dict[str, Any]]:
    return [_rate(rates.get(stage, Saved())) for stage in STEPS]


def _rate(figure: Saved) -> dict[str, Any]:
    share = "—" if figure.permille is None else f"{figure.permille // 10}.{figure.permille % 10}%"
    return {"share": share, "paid": figure.paid, "reached": figure.reached}


def _back(this: date) -> list[date]:
    return [_before(this, count) for count in range(MONTHS)]


def _before(month: date, count: int) -> date:
    index = month.year * 12 + month.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


def _month(text: str, this: date) -> date:
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return this
    return found if found.year >= FIRST_YEAR and found <= this else this


Told = dict[tuple[int, str], Any]  # the newest delivery by case and ref


def _last_told(case_ids: list[int]) -> Told:
    rows = CaseNotice.objects.filter(case_id__in=case_ids).exclude(rule__needed_for="")
    found: Told = {}
    for row in rows.select_related("message").prefetch_related("message__deliveries").order_by("pk"):
        found[row.case_id, row.contact_ref] = prospects.best(row)
    return found


def _stuck(each: Prospect, cases: dict[int, ArrearsCase], told: Told) -> dict[str, Any]:
    case = cases.get(each.subject.case_id or 0)
    addresses = {reach.ref: reach.address for reach in each.subject.facts.contacts}
    refs = () if each.is_unreachable else prospects.unproven(each)
    return {
        "case": case,
        "number": each.subject.number,
        "stage": each.subject.facts.stage.label,
        "since": each.subject.facts.since,
        "todo": _todo_of_account(each) if not refs else "",
        "contacts": [_contact(each, case, ref, addresses.get(ref, ""), told) for ref in refs],
    }


def _contact(each: Prospect, case: ArrearsCase | None, ref: str, address: str, told: Told) -> dict[str, Any]:
    delivery = told.get((case.pk, ref)) if case else None
    name = _("信函") if ref == POST else mask(address)
    return {"name": name, "todo": _todo(each, ref, delivery)}


def _todo_of_account(each: Prospect) -> str | Promise:
    if each.is_unreachable:
        return _("没有联系方式，也没有地址：查档案、上门或由营业厅补录，不得停机或拆机")
    return _("证明已齐，等待提前天数")


def _todo(each: Prospect, ref: str, delivery: Any) -> str | Promise:
    """What helps with this one contact."""
    if delivery is None:
        return _("尚未通知：今天的欠费处理会通知；明天仍这样，请查看运行状态")
    if ref == POST:
        return _todo_post(delivery)
    if prospects.is_dead(delivery):
        if not each.subject.facts.has_post:
            return _("空号或无效地址，又没有邮寄地址：请补录联系方式或地址")
        return _("空号或无效地址，改寄信函：请打印寄信清单，寄出后上传凭证")
    if delivery.state == DeliveryState.FAILED:
        return _("发送失败：请在未送达的通知中排除原因后重发")
    if delivery.state == DeliveryState.QUEUED:
        return _("还没有发出：请查看运行状态")
    return _("已发出，没有送达回执：等待回执或备用渠道，超过一天请查运营商对账")


def _todo_post(delivery: Any) -> str | Promise:
    if delivery.state == DeliveryState.FAILED:
        return _("信函退回：请核实地址后补录")
    return _("信函尚未算作送达：请打印寄信清单，寄出后上传凭证，七天后算作送达")
