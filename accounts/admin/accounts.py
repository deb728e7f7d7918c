from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import phones
from accounts.admin.opening import CLOSING, OpensCustomers
from accounts.admin.region_filter import RegionFilter
from accounts.admin.standing import OF_CUSTOMER
from accounts.models import BillingAccount, Contact, Customer, Membership, MembershipHistory, Region
from core.backoffice import EditableAdmin, ReadOnlyAdmin, ReadOnlyInline, masked, moment


class ContactInline(ReadOnlyInline):
    model = Contact
    fields = ("kind", "shown_value", "name", "is_primary", "verified")
    readonly_fields = ("shown_value", "verified")
    ordering = ("id",)
    shown_value = masked("value", _("号码或邮箱"))
    verified = moment("verified_at", _("验证时间"))


class MembershipInline(ReadOnlyInline):
    model = Membership
    fields = ("user", "role", "created")
    readonly_fields = ("created",)
    ordering = ("id",)
    created = moment("created_at", _("绑定时间"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("user")


class MembershipHistoryInline(ReadOnlyInline):
    model = MembershipHistory
    verbose_name_plural = _("成员变动记录")
    fields = ("shown_at", "user_ref", "role", "change", "actor")
    readonly_fields = ("shown_at",)
    ordering = ("id",)
    shown_at = moment("at", _("时间"))


class AccountOfCustomerInline(ReadOnlyInline):
    model = BillingAccount
    fields = ("number", "address", "opened_on")
    show_change_link = True
    ordering = ("number",)


class ByNumberOrContact(ReadOnlyAdmin):
    """Found by its number, or by the phone or e-mail of a contact."""

    through_contacts = ""  # the lookup from here to a contact's billing account

    def _matching(self, model: Any, lookup: str, term: str) -> Q:
        if lookup != "pk":
            return super()._matching(model, lookup, term)
        contacts = Contact.objects.filter(value=contact_value(term), kind__in=Contact.Kind.values)
        return Q(pk__in=list(contacts.values_list(self.through_contacts, flat=True)[:200]))


def contact_value(text: str) -> str:
    """The text as a contact holds it: a phone in E.164, anything else in lower case."""
    try:
        return phones.normalise(text)
    except phones.BadPhone:
        return text.lower()


@admin.register(Customer)
class CustomerAdmin(OpensCustomers, ByNumberOrContact):
    region_path = "region"
    list_display = ("number", "name", "kind", "region", "created")
    list_filter = ("kind", RegionFilter)
    list_select_related = ("region",)
    search_fields = ("number", "accounts__number", "pk")
    search_help_text = _("客户编号、户号、联系手机或邮箱（完整）")
    ordering = ("-id",)
    fields = ("number", "kind", "name", "region", "created")
    inlines = (AccountOfCustomerInline,)
    reasoned = OF_CUSTOMER
    through_contacts = "account__customer_id"
    created = moment("created_at", _("建档时间"))

    def _matching(self, model: Any, lookup: str, term: str) -> Q:
        if lookup == "accounts__number":
            found = BillingAccount.objects.filter(number=term).values_list("customer_id", flat=True)
            return Q(pk__in=list(found))
        return super()._matching(model, lookup, term)


@admin.register(BillingAccount)
class BillingAccountAdmin(ByNumberOrContact):
    region_path = "region"
    list_display = ("number", "customer", "holder", "region", "address", "opened_on", "closed")
    list_filter = ("purpose", RegionFilter)
    list_select_related = ("customer", "region")
    search_fields = ("number", "customer__number", "pk")
    search_help_text = _("户号、客户编号、联系手机或邮箱（完整）")
    ordering = ("-id",)
    fields = (
        "number",
        "purpose",
        "customer",
        "holder",
        "region",
        "address",
        "post_address",
        "opened_on",
        "closed",
        "created",
    )
    inlines = (ContactInline, MembershipInline, MembershipHistoryInline)
    through_contacts = "account_id"
    reasoned = CLOSING
    closed = moment("closed_at", _("销户时间"))
    created = moment("created_at", _("建档时间"))

    @admin.display(description=_("户主姓名"))
    def holder(self, account: BillingAccount) -> str:
        return account.customer.name


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("id", "account", "kind", "shown_value", "is_primary", "verified")
    list_filter = ("kind", "is_primary")
    list_select_related = ("account",)
    search_fields = ("value", "account__number")
    search_help_text = _("户号、手机或邮箱（完整）")
    ordering = ("-id",)
    fields = ("account", "kind", "value", "name", "is_primary", "verified", "created")
    shown_value = masked("value", _("号码或邮箱"))
    verified = moment("verified_at", _("验证时间"))
    created = moment("created_at", _("登记时间"))

    def _matching(self, model: Any, lookup: str, term: str) -> Q:
        if lookup == "value":  # the index is on (kind, value)
            return Q(kind__in=Contact.Kind.values, value=contact_value(term))
        return super()._matching(model, lookup, term)


@admin.register(Region)
class RegionAdmin(EditableAdmin):
    """The tree is changed by the whole operator's staff: who moves a place moves all posts there."""

    region_path = "pk"
    list_display = ("code", "name", "level", "parent")
    list_filter = ("level",)
    list_select_related = ("parent",)
    search_fields = ("code__startswith", "name__startswith")
    search_help_text = _("区域代码或名称的开头")
    autocomplete_fields = ("parent",)
    ordering = ("code",)
    fields = ("code", "name", "level", "parent")

    def may_write(self, request: HttpRequest, verb: str, row: Any = None) -> bool:
        return self._writes_everything(request)
