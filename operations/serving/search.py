"""Finding whom to serve: by 户号, customer number or phone, whole; only in the regions of the clerk's posts."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from accounts import names, phones
from accounts.models import BillingAccount, Contact, Membership, User
from accounts.selectors import accounts as account_reads
from accounts.services.accounts import BadAccountNumber, clean_number
from operations.serving import rights

MOST = 20


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody who can be served: one of the account's people, or (user None) its holder who never logged in."""

    account: BillingAccount
    user: User | None
    role: str  # what he is to the account, in words
    phone: str  # masked: where his codes will go; "" when there is no phone, and nothing can be done for him

    @property
    def name(self) -> str:
        return names.masked((self.user and self.user.name) or self.account.customer.name)


def find(term: str, *, clerk: User, as_of: datetime) -> list[Found]:
    """At most `MOST`, by account; nobody when the term is none of the three."""
    phone, number = _phone(term), _number(term)
    wanted = Q(number=number) | Q(customer__number=term.strip()) if number else Q(pk__in=[])
    if phone:
        listed = Contact.objects.filter(kind=Contact.Kind.PHONE, value=phone).values("account_id")
        theirs = Membership.objects.filter(user__phone=phone, user__phone_verified_at__isnull=False)
        wanted |= Q(pk__in=listed) | Q(pk__in=theirs.values("account_id"))
    rows = BillingAccount.objects.filter(wanted).select_related("customer", "region").order_by("number")
    found = [
        each for account in rights.in_scope(clerk, rows, as_of=as_of)[:MOST] for each in _people(account)
    ]
    return found[:MOST]


def _people(account: BillingAccount) -> list[Found]:
    """Its members; before them its holder, where no owner has a login."""
    contact = account_reads.primary_phone(account)
    rows = Membership.objects.filter(account=account, user__is_active=True, user__is_staff=False)
    members = list(rows.select_related("user").order_by("id"))
    people = [
        Found(account, each.user, each.get_role_display(), phones.mask(each.user.proven_phone or contact))
        for each in members
    ]
    if any(each.role == Membership.Role.OWNER for each in members):
        return people
    return [Found(account, None, str(Membership.Role.OWNER.label), phones.mask(contact)), *people]


def _phone(term: str) -> str:
    try:
        return phones.normalise(term)
    except phones.BadPhone:
        return ""


def _number(term: str) -> str:
    try:
        return clean_number(term)
    except BadAccountNumber:
        return ""
