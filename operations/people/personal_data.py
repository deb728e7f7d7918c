"""data.export and account.close: a copy of all that is held on the user, and the end of his login."""

from datetime import datetime
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.events import DataExportEnded
from accounts.models import DataExportState, User
from accounts.services import closings, data_exports
from core import joined, outbox
from core.actor import Actor
from core.clock import local_date
from operations.context import ByClerk, Confirmation, Context
from operations.forms import OperationForm
from operations.models import SlipState
from operations.quotes import Done, Pending, Quote, QuoteLine
from operations.registry import Operation, register
from operations.services import slips

SUBJECT = "data_export"  # of the slip; its id is the copy's reference
ACTOR = Actor.job("operations.data_export")


class _OfLogin(Operation):
    """About the customer's own login: nobody else asks for it, and a code goes to his phone."""

    icon = "download"
    confirmation = Confirmation.SMS_CODE
    by_clerk = ByClerk.NEVER
    needs_login = True

    def available(self, ctx: Context) -> bool:
        return isinstance(ctx.user, User) and ctx.on_behalf_of is None and bool(ctx.user.proven_phone)

    def confirmation_address(self, ctx: Context, data: dict[str, Any]) -> str:
        return getattr(ctx.user, "proven_phone", None) or ""


class PlainForm(OperationForm):
    """Nothing to fill in."""


@register
class ExportData(_OfLogin):
    code = "data.export"
    title = _("下载我的数据")
    summary = _("网上营业厅保存的您的全部资料，一个文件")
    order = 82
    form_class = PlainForm

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        data_exports.check(user_id=ctx.user.pk or 0, as_of=ctx.as_of)
        return Quote(
            price_cents=0,
            effective_on=local_date(ctx.as_of),
            lines=(
                QuoteLine(_("内容"), value=_("资料、成员关系、联系方式、授权、办理、账单、缴费和通知记录")),
            ),
            warnings=(_("文件里有您的个人信息，请保存在安全的地方，不要转给他人。"),),
            outcome=format_lazy(
                _("几分钟内做好，短信通知您。{days} 天内可以在“我的数据”下载，之后清除。"),
                days=data_exports.KEPT_FOR.days,
            ),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Pending:
        row = data_exports.request(user_id=ctx.user.pk or 0, as_of=ctx.as_of)
        return Pending(
            subject_kind=SUBJECT,
            subject_id=row.reference,
            text=_("正在准备您的数据副本，好了会短信通知"),
            url=reverse("accounts:data"),
        )


@outbox.consumer(DataExportEnded, name="operations.finish_data_export")
def finish_slip(event: DataExportEnded, *, as_of: datetime) -> None:
    is_ready = event.state == DataExportState.READY
    text = _("数据副本已准备好，可以下载") if is_ready else _("这次没有做成，请稍后再申请")
    slips.finish(
        subject_kind=SUBJECT,
        subject_id=event.reference,
        state=SlipState.DONE if is_ready else SlipState.FAILED,
        as_of=as_of,
        actor=ACTOR,
        reason=event.state,
        result={"text": text, "url": reverse("accounts:data")},
    )


class CloseForm(OperationForm):
    understood = forms.BooleanField(
        label=_("我知道：注销的是登录账户，不是户号；要销户、停机请另办"),
        error_messages={"required": _("请先勾选确认")},
    )


@register
class CloseLogin(_OfLogin):
    """Refused while something is open, each named; logging in within the days takes it back."""

    code = "account.close"
    title = _("注销登录账户")
    summary = _("删除您的登录和个人资料")
    icon = "logout"
    order = 83
    form_class = CloseForm

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        assert isinstance(ctx.user, User)
        closings.check(ctx.user, as_of=ctx.as_of)
        warnings: list[Any] = [
            _(
                "姓名、手机号、授权、设备、令牌和数据副本将删除，不能恢复。账单、收据和办理记录按法律规定保留，不再与您的姓名相连。"
            )
        ]
        if kept := closings.kept_contacts(ctx.user):
            warnings.append(
                format_lazy(
                    _("户号 {numbers} 只登记了您的手机号。合同还在，这个联系方式保留，用于账单和停机通知。"),
                    numbers=joined.words(kept),
                )
            )
        return Quote(
            price_cents=0,
            effective_on=local_date(ctx.as_of + closings.COOLING_OFF),
            lines=(
                QuoteLine(_("冷静期"), value=format_lazy(_("{days} 天"), days=closings.COOLING_OFF.days)),
            ),
            warnings=tuple(warnings),
            outcome=_("确认后所有设备马上退出登录。冷静期内登录一次，就视为撤回注销。"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        row = closings.request(user_id=ctx.user.pk or 0, actor=ctx.actor, as_of=ctx.as_of)
        return Done(
            text=_("注销申请已受理，冷静期内登录即可撤回"),
            url=reverse("hall:home"),
            data={"closing": row.reference, "due_at": row.due_at.isoformat()},
        )
