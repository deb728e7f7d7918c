"""contact.change and address.change: how an account's people are reached.

A new phone or mailbox is confirmed by a code that goes to itself; whoever was reached before is told. The last verified
contact stays.
"""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import addresses, names
from accounts.models import Contact
from accounts.rules import Action
from accounts.selectors import accounts
from accounts.selectors import members as reads
from accounts.services import contacts
from core.errors import HallError
from operations.context import Confirmation, Context
from operations.forms import OperationForm
from operations.people.fields import RowField, account_field, hide, offer
from operations.people.sharing import OfAccount, page_of
from operations.quotes import Done, Quote, QuoteLine
from operations.registry import register

ADD, VERIFY, PRIMARY, REMOVE = "add", "verify", "primary", "remove"
CHANGES = (
    (ADD, _("添加并验证")),
    (VERIFY, _("验证已登记的")),
    (PRIMARY, _("设为主要联系方式")),
    (REMOVE, _("删除")),
)
_OUTCOMES = {
    ADD: _("验证后，账单和停机等重要通知可以发到这里。我们会告知原来的主要联系方式。"),
    VERIFY: _("验证后，它可以设为主要联系方式。我们会告知原来的主要联系方式。"),
    PRIMARY: _("以后重要通知先发到这里，绑定户号的验证码也发到主要手机。我们会告知原来的主要联系方式。"),
    REMOVE: _("以后不再发通知到这里。我们会向它发一条告知。"),
}


class ContactForm(OperationForm):
    """To add one: account and value. For all else: which one."""

    change = forms.ChoiceField(label=_("办理内容"), choices=CHANGES, widget=forms.HiddenInput, initial=ADD)
    account = account_field(required=False)
    value = forms.CharField(
        label=_("手机号或邮箱"),
        max_length=254,
        required=False,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )
    name = forms.CharField(label=_("联系人"), max_length=60, required=False)
    contact = RowField(label=_("联系方式"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, self.ctx, Action.CHANGE_CONTACTS)
        field = self.fields["contact"]
        assert isinstance(field, RowField)
        field.offer(reads.contacts_for(self.ctx.served), _label)
        if self["change"].value() in (VERIFY, PRIMARY, REMOVE):
            hide(self, "account", "value", "name")
            field.required = True
        else:
            hide(self, "contact")
            for name in ("account", "value"):
                self.fields[name].required = True

    def clean_name(self) -> str:
        typed: str = self.cleaned_data["name"]
        return _or_error(names.clean, typed) if typed.strip() else ""

    def clean(self) -> dict[str, Any]:
        """`value` clean and with its kind for who adds one; `account` always the one it is about."""
        data = super().clean() or {}
        if self.errors:
            return data
        if contact := data["contact"]:
            return data | {"account": contact.account, "kind": contact.kind, "value": contact.value}
        kind = addresses.kind_of(data["value"])
        try:
            return data | {"kind": str(kind), "value": addresses.clean(kind, data["value"])}
        except HallError as error:
            self.add_error("value", forms.ValidationError(error.text, code=error.code))
            return data


def _or_error(clean: Any, typed: str) -> str:
    try:
        return str(clean(typed))
    except HallError as error:
        raise forms.ValidationError(error.text, code=error.code) from None


def _label(contact: Contact) -> str:
    return f"{contact.account.number} · {addresses.mask(contact.value)}"


@register
class ChangeContact(OfAccount):
    """What is new is proven by a code to itself; the rest by a code to the customer's own phone."""

    code = "contact.change"
    title = _("联系方式")
    summary = _("添加、验证或更换接收通知的手机和邮箱")
    icon = "phone"
    order = 56
    form_class = ContactForm
    confirmation = Confirmation.SMS_CODE
    secret_fields = ("value", "name")

    def available(self, ctx: Context) -> bool:
        return accounts.any_where(ctx.served, Action.CHANGE_CONTACTS)

    def confirmation_address(self, ctx: Context, data: dict[str, Any]) -> str:
        if data["change"] in (ADD, VERIFY):
            return str(data["value"])
        return getattr(ctx.served, "proven_phone", None) or accounts.primary_phone(data["account"])

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        _check(data)
        lines = [
            QuoteLine(_("户号"), value=data["account"].number),
            QuoteLine(dict(CHANGES)[data["change"]], value=addresses.mask(data["value"])),
        ]
        if data["name"]:
            lines.append(QuoteLine(_("联系人"), value=names.masked(data["name"])))
        return self.promise(ctx, *lines, outcome=_OUTCOMES[data["change"]])

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        account = data["account"]
        how: dict[str, Any] = {"account_id": account.pk, "as_of": ctx.as_of, "ref": ctx.slip_number}
        if data["change"] in (ADD, VERIFY):
            contacts.prove(kind=data["kind"], value=data["value"], name=data["name"], **how)
        elif data["change"] == PRIMARY:
            contacts.make_primary(contact_id=data["contact"].pk, **how)
        else:
            contacts.remove(contact_id=data["contact"].pk, **how)
        return Done(text=_("联系方式已更新"), url=page_of(account), data={"change": data["change"]})


def _check(data: dict[str, Any]) -> None:
    """What the service would refuse, said before a code is asked for."""
    contact: Contact | None = data["contact"]
    if contact is None or data["change"] == VERIFY:
        contacts.check_new(data["account"], kind=data["kind"], value=data["value"])
    elif data["change"] == REMOVE and contacts.is_kept(contact):
        raise contacts.LastContact()
    elif data["change"] == PRIMARY and contact.is_primary:
        raise contacts.AlreadyPrimary()
    elif data["change"] == PRIMARY and not contact.verified_at:
        raise contacts.NotVerified()


class AddressForm(OperationForm):
    account = account_field()
    post_address = forms.CharField(
        label=_("通信地址"),
        max_length=contacts.LONGEST_ADDRESS,
        required=False,
        help_text=_("寄送纸质账单和函件用；留空则寄到装机地址。移机请另办"),
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "street-address"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, self.ctx, Action.CHANGE_CONTACTS)

    def clean_post_address(self) -> str:
        return _or_error(contacts.clean_address, self.cleaned_data["post_address"])


@register
class ChangeAddress(OfAccount):
    code = "address.change"
    title = _("通信地址")
    summary = _("修改寄送纸质账单的地址")
    icon = "location"
    order = 57
    form_class = AddressForm

    def available(self, ctx: Context) -> bool:
        return accounts.any_where(ctx.served, Action.CHANGE_CONTACTS)

    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        return self.promise(
            ctx,
            QuoteLine(_("户号"), value=data["account"].number),
            QuoteLine(_("通信地址"), value=data["post_address"] or _("同装机地址")),
            outcome=_("以后的函件寄到这里，我们会短信告知登记的主要联系手机。"),
        )

    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done:
        contacts.change_post_address(
            account_id=data["account"].pk,
            address=data["post_address"],
            as_of=ctx.as_of,
            ref=ctx.slip_number,
        )
        return Done(text=_("通信地址已修改"), url=page_of(data["account"]))
