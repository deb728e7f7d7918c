"""The counter's work pages, under the staff site: taking money, printing receipts, the till, links by telephone."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import INPUT_CLASSES, SELECT_CLASSES

from accounts import posts
from accounts.models import BillingAccount
from accounts.selectors import accounts
from accounts.services.accounts import BadAccountNumber, clean_number
from billing.forms import YuanField
from billing.models import CounterMoney
from billing.selectors import balances
from billing.selectors import bills as bill_reads
from billing.selectors import counter as reads
from billing.services import counter
from billing.services.payments import pay_links
from core import audit, clock, money, scopes
from core.actor import Actor
from core.errors import Forbidden, HallError, NotFound
from core.staff_pages import refuse
from operations import flow
from operations.context import Context, client_address
from operations.flow import Flow
from operations.models import Channel, Slip

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Admin = ModelAdmin[CounterMoney]

OPERATION = "counter.receive"
DESK, TILL, RECEIPT, LINK = (f"admin:billing_counter_{page}" for page in ("desk", "till", "receipt", "link"))
DEPOSITS_SHOWN = 5
OLD_AFTER = timedelta(days=1)  # cash that should have been at the bank


class DepositForm(forms.Form):
    money = forms.ModelMultipleChoiceField(
        label=gettext_lazy("现金收款"),
        queryset=CounterMoney.objects.none(),
        widget=forms.CheckboxSelectMultiple,
    )
    amount = YuanField(label=gettext_lazy("解款金额（元）"), help_text=gettext_lazy("须与所选现金合计一致"))
    bank_slip_no = forms.CharField(label=gettext_lazy("银行回单号"), max_length=40)
    deposited_on = forms.DateField(
        label=gettext_lazy("解款日"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, user_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["money"]
        assert isinstance(chosen, forms.ModelMultipleChoiceField)
        chosen.queryset = reads.in_till(user_id)

    def clean_deposited_on(self) -> Any:
        day = self.cleaned_data["deposited_on"]
        if day > clock.local_date(clock.now()):
            raise forms.ValidationError(_("解款日不能晚于今天"), code="IN_THE_FUTURE")
        return day


def may_open(request: HttpRequest) -> bool:
    """Whether this member of staff may take money, which is to have business done for customers."""
    return request.user.has_perms((counter.PERMISSION, "operations.add_slip"))


def desk(admin: "Admin", request: HttpRequest) -> HttpResponse:
    """Finds an account by its whole number, shows what it owes, takes money: form, quote, confirmation."""
    _permit(request)
    if request.method != "POST":
        return _look_up(admin, request)
    account = _account(request, request.POST.get("account", "").replace("\0", ""))
    if account is None:
        raise Http404
    if _barred(request):
        return _desk_page(admin, request, account, None)
    ctx = _context(request, account)
    steps = {"submit": _submit, "edit": _edit}
    try:
        result = steps.get(request.POST.get("_step", ""), _quote)(request, ctx)
    except Forbidden as error:
        raise PermissionDenied from error
    if isinstance(result, HttpResponse):
        return result
    return _desk_page(admin, request, account, result)


def receipt(admin: "Admin", request: HttpRequest, number: str) -> HttpResponse:
    """The receipt for print."""
    _permit(request)
    try:
        found = reads.money_of_receipt(number)
    except NotFound as error:
        raise Http404 from error
    if not _reaches(request, found.receipt.account):
        raise Http404
    context = {"money": found, "receipt": found.receipt, "desk": reverse(DESK)}
    return TemplateResponse(request, "backoffice/counter_receipt.html", context)


def link(admin: "Admin", request: HttpRequest) -> HttpResponse:
    """Sends a pay link to the account's contact phone (POST), and says where it went."""
    _permit(request)
    account = _account(request, request.POST.get("account", "").replace("\0", ""))
    if request.method != "POST" or account is None:
        raise Http404
    try:
        posts.check_clerk(request.user, clock.now())
        sent = pay_links.send(
            account_id=account.pk,
            actor=Actor.user(request.user),
            address=client_address(request),
            as_of=clock.now(),
        )
    except HallError as error:
        messages.error(request, error.text)
    else:
        messages.success(request, _("缴费链接已发送到 %(phone)s，24 小时内有效") % {"phone": sent.sent_to})
    return HttpResponseRedirect(_desk_of(account))


def till(admin: "Admin", request: HttpRequest) -> HttpResponse:
    """The cash in one's own till and its deposit; who may see counter money sees everybody's."""
    _permit(request)
    user_id, as_of = _staff_id(request), clock.now()
    today = clock.local_date(as_of)
    form = DepositForm(request.POST or None, user_id=user_id, initial={"deposited_on": today})
    if request.method == "POST" and form.is_valid() and (number := _deposit(request, form)):
        messages.success(request, _("解款 %(number)s 已登记") % {"number": number})
        return HttpResponseRedirect(reverse(TILL))
    mine = list(reads.in_till(user_id))
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": _("现金与解款"),
        "form": _dressed(form),
        "mine": mine,
        "chosen": set(form["money"].value() or []) if form.is_bound else {str(each.pk) for each in mine},
        "total_cents": sum(each.receipt.amount_cents for each in mine),
        "tills": reads.tills(scopes.sight(request.user)) if _sees_tills(request) else None,
        "old_before": as_of - OLD_AFTER,
        "deposits": reads.deposits_of(user_id, most=DEPOSITS_SHOWN),
        "desk": reverse(DESK),
    }
    return TemplateResponse(request, "backoffice/counter_till.html", context)


def _permit(request: HttpRequest) -> None:
    if not may_open(request):
        raise PermissionDenied


def _reaches(request: HttpRequest, account: BillingAccount) -> bool:
    """Whether the account lies where this member of staff takes money."""
    return posts.may(request.user, counter.PERMISSION, account.region_id)


def _account(request: HttpRequest, number: str) -> BillingAccount | None:
    """A customer's account that lies there; another is as if there were none, and that he asked is kept."""
    account = reads.find_account(number)
    if account is None or _reaches(request, account):
        return account
    refuse(request, subject=(account._meta.label, str(account.pk)), why="elsewhere")
    return None


def _sees_tills(request: HttpRequest) -> bool:
    return request.user.has_perm("billing.view_countermoney")


def _staff_id(request: HttpRequest) -> int:
    assert request.user.pk is not None  # _permit lets only staff in
    return request.user.pk


def _context(request: HttpRequest, account: BillingAccount) -> Context:
    return Context(
        user=request.user,
        channel=Channel.COUNTER,
        as_of=clock.now(),
        address=client_address(request),
        on_behalf_of=reads.owner_of(account),
    )


def _look_up(admin: "Admin", request: HttpRequest) -> HttpResponse:
    typed = request.GET.get("number", "").strip()
    if not typed:
        return _desk_page(admin, request, None, None)
    try:
        number = clean_number(typed)
    except BadAccountNumber as error:
        messages.warning(request, error.text)
        return _desk_page(admin, request, None, None)
    account = _account(request, number)
    audit.record(
        actor=Actor.user(request.user),
        action="billing.counter.lookup",
        subject=account or ("accounts.BillingAccount", ""),
        detail={"number": number, "found": account is not None},
        address=client_address(request),
        as_of=clock.now(),
    )
    if account is None:
        messages.warning(request, _("没有找到户号 %(number)s") % {"number": number})
        return _desk_page(admin, request, None, None)
    if _barred(request):
        return _desk_page(admin, request, account, None)
    ctx = _context(request, account)
    due = reads.due_cents(account, as_of=ctx.as_of)
    initial = {"account": account.number, "amount": money.yuan(due) if due else ""}
    return _desk_page(admin, request, account, flow.start(request, OPERATION, initial=initial, ctx=ctx))


def _submit(request: HttpRequest, ctx: Context) -> HttpResponse | Flow:
    return flow.submit_from_request(request, OPERATION, ctx=ctx, onward=_receipt_of)


def _edit(request: HttpRequest, ctx: Context) -> HttpResponse | Flow:
    return flow.edit_from_request(request, OPERATION, ctx=ctx)


def _quote(request: HttpRequest, ctx: Context) -> HttpResponse | Flow:
    return flow.quote_from_request(request, OPERATION, ctx=ctx)


def _receipt_of(slip: Slip) -> str:
    return reverse(RECEIPT, args=[slip.result["data"]["receipt"]])


def _desk_of(account: BillingAccount) -> str:
    return f"{reverse(DESK)}?{urlencode({'number': account.number})}"


def _deposit(request: HttpRequest, form: DepositForm) -> str:
    """The number of the deposit; "" when it was refused, with the reason in the form."""
    data = form.cleaned_data
    try:
        made = counter.deposit(
            money_ids=[each.pk for each in data["money"]],
            amount_cents=data["amount"],
            bank_slip_no=data["bank_slip_no"],
            deposited_on=data["deposited_on"],
            deposited_by_id=_staff_id(request),
            actor=Actor.user(request.user),
            address=client_address(request),
            as_of=clock.now(),
        )
    except HallError as error:
        form.add_error(None, forms.ValidationError(error.text, code=error.code))
        return ""
    return made.number


def _desk_page(
    admin: "Admin", request: HttpRequest, account: BillingAccount | None, page: Flow | None
) -> HttpResponse:
    today, barred = clock.local_date(clock.now()), _barred(request)
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": _("柜台收款"),
        "flow": page,
        "form": _dressed(page.form) if page else None,
        "account": account,
        "overview": balances.of_account(account, today=today) if account else None,
        "bills": bill_reads.open_of(account) if account else [],
        "has_phone": bool(account and accounts.primary_phone(account)),
        "till": reverse(TILL),
        "link": reverse(LINK),
        "desk": reverse(DESK),
        "barred": barred,
        "certificate_ends_on": posts.certificate_ends_on(request.user, clock.now()),
    }
    status = page.status if page else 403 if barred and request.method == "POST" else 200
    return TemplateResponse(request, "backoffice/counter_desk.html", context, status=status)


def _barred(request: HttpRequest) -> str:
    """Why this member of staff may look but not take money; "" when he may."""
    try:
        posts.check_clerk(request.user, clock.now())
    except Forbidden as error:
        return error.text
    return ""


def _dressed(form: forms.Form) -> forms.Form:
    """The form in the looks of the staff theme."""
    for field in form.fields.values():
        if isinstance(field.widget, forms.RadioSelect | forms.CheckboxSelectMultiple | forms.HiddenInput):
            continue
        looks = SELECT_CLASSES if isinstance(field.widget, forms.Select) else INPUT_CLASSES
        field.widget.attrs["class"] = " ".join(looks)
    return form
