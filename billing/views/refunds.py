"""Refunds as the customer follows them: asked for, approved, at the gateway, arrived; and by when at the latest."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.rules import Action
from accounts.selectors import accounts
from billing.models import RefundHistory, RefundRequest, RefundState, RefundWay
from billing.selectors import refunds as refund_reads
from billing.services.refunds import refunds
from core import clock
from core.actor import Actor
from core.errors import Forbidden, HallError, NotFound

PER_PAGE = 20
_TITLES: dict[str, Promise] = {
    RefundState.REQUESTED: gettext_lazy("退款申请已提交"),
    RefundState.APPROVED: gettext_lazy("正在退款"),
    RefundState.ACCEPTED: gettext_lazy("正在退款"),
    RefundState.ABNORMAL: gettext_lazy("退款需要人工处理"),
    RefundState.SUCCEEDED: gettext_lazy("已退款"),
    RefundState.FAILED: gettext_lazy("没有退成"),
    RefundState.REJECTED: gettext_lazy("退款申请没有获得批准"),
    RefundState.CANCELLED: gettext_lazy("退款申请已撤回"),
}
_TEXTS: dict[str, Promise] = {
    RefundState.REQUESTED: gettext_lazy("工作人员正在审核。审核期间这笔钱为您保留，不会用来缴费。"),
    RefundState.APPROVED: gettext_lazy("已经批准，很快就会退出。"),
    RefundState.ACCEPTED: gettext_lazy("支付渠道已受理，钱还没有退到。"),
    RefundState.ABNORMAL: gettext_lazy(
        "支付渠道没能把钱退到原来的账户（例如银行卡已注销），工作人员会联系您。"
    ),
    RefundState.SUCCEEDED: gettext_lazy("到账时间以您的银行或支付账户为准。"),
    RefundState.FAILED: gettext_lazy("钱还在账户余额里。工作人员会与您联系，您也可以致电客服。"),
    RefundState.REJECTED: gettext_lazy("钱还在账户余额里。如有疑问，请致电客服。"),
    RefundState.CANCELLED: gettext_lazy("钱还在账户余额里。"),
}
_STEPS: dict[str, Promise] = {
    RefundState.REQUESTED: gettext_lazy("提交退款申请"),
    RefundState.APPROVED: gettext_lazy("批准退款"),
    RefundState.ACCEPTED: gettext_lazy("支付渠道受理"),
    RefundState.ABNORMAL: gettext_lazy("支付渠道没能退到原账户"),
    RefundState.SUCCEEDED: gettext_lazy("退款完成"),
    RefundState.FAILED: gettext_lazy("没有退成"),
    RefundState.REJECTED: gettext_lazy("没有获得批准"),
    RefundState.CANCELLED: gettext_lazy("撤回申请"),
}
_KINDS = {
    RefundState.SUCCEEDED: "ok",
    RefundState.ABNORMAL: "warn",
    RefundState.FAILED: "warn",
    RefundState.REJECTED: "warn",
    RefundState.CANCELLED: "warn",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened. `state` as in components/timeline_item.html."""

    title: str | Promise
    row: RefundHistory
    state: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A refund as its page tells it."""

    refund: RefundRequest
    may_cancel: bool

    @property
    def kind(self) -> str:
        """ok · wait · warn"""
        return _KINDS.get(RefundState(self.refund.state), "wait")

    @property
    def title(self) -> str | Promise:
        if self.refund.state == RefundState.FAILED and self.refund.refund_id:
            return _TITLES[RefundState.SUCCEEDED]
        return _TITLES[self.refund.state]

    @property
    def text(self) -> str | Promise:
        by_hand = self.refund.way == RefundWay.BY_HAND
        if by_hand and self.refund.state == RefundState.APPROVED:
            return _("已经批准。这笔钱不能原路退回，工作人员会联系您办理转账或领取。")
        if by_hand and self.refund.state == RefundState.SUCCEEDED:
            return _("已由工作人员转账或付给您。")
        return _TEXTS[self.refund.state]

    @property
    def is_late(self) -> bool:
        return not self.refund.is_ended and self.refund.due_on < clock.local_date(clock.now())

    @property
    def stages(self) -> list[tuple[str, str]]:
        """The way that is left, as (label, done | now | ""); empty once it is over."""
        if self.refund.is_ended:
            return []
        middle = _("人工退款") if self.refund.way == RefundWay.BY_HAND else _("渠道处理")
        reached = 1 if self.refund.state == RefundState.REQUESTED else 2
        labels = [_("申请"), _("审核"), middle, _("到账")]
        return [
            (label, "done" if at < reached else "now" if at == reached else "")
            for at, label in enumerate(labels)
        ]

    @property
    def steps(self) -> list[Step]:
        """What happened, newest first."""
        rows = sorted(self.refund.history.all(), key=lambda row: row.pk, reverse=True)
        newest = {"ok": "ok", "wait": "now", "warn": "bad"}[self.kind]
        return [Step(_STEPS[row.to_state], row, "" if at else newest) for at, row in enumerate(rows)]


@login_required
@require_safe
def refund_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(refund_reads.of_user(request.user), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "billing/refunds.html", {"page_obj": page})


@login_required
@require_safe
@never_cache
def refund(request: HttpRequest, number: str) -> HttpResponse:
    """Where one refund stands, and how it came there."""
    found = _get(request, number)
    return render(request, "billing/refund.html", {"shown": Shown(found, _may_cancel(request.user, found))})


@login_required
@require_POST
def cancel_refund(request: HttpRequest, number: str) -> HttpResponse:
    """Whoever asked for it takes it back while nobody has decided."""
    found = _get(request, number)
    if not _is_his(request.user, found):
        raise Forbidden()
    try:
        refunds.cancel(request_id=found.pk, actor=Actor.user(request.user), as_of=clock.now())
    except HallError:
        messages.warning(request, _("这笔退款已经在办理，不能撤回了"))
    else:
        messages.success(request, _("退款申请已撤回，钱还在账户余额里"))
    return redirect("billing:refund", number)


def _get(request: HttpRequest, number: str) -> RefundRequest:
    try:
        return refund_reads.get(request.user, number)
    except NotFound as error:
        raise Http404 from error


def _may_cancel(user: Any, found: RefundRequest) -> bool:
    return found.state == RefundState.REQUESTED and _is_his(user, found)


def _is_his(user: Any, found: RefundRequest) -> bool:
    """He asked for it, and still has the right to: by his role, or because it was his own money."""
    if found.user_id != user.pk:
        return False
    paid_by = found.receipt.payment.payer_id if found.receipt.payment else None
    return paid_by == user.pk or accounts.may(user, found.account_id, Action.ASK_REFUND)
