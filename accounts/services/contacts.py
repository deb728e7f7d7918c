"""Where a billing account's people can be reached. At most one contact per kind is the primary one.

An open account keeps at least one verified contact (留存联系方式): through it the operator reaches its people before
service stops, and through it they prove that the account is theirs.
"""

from datetime import datetime

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from accounts import addresses, locks, names
from accounts.models import BillingAccount, Contact
from core.errors import Conflict, HallError, NotFound
from notices.services import messages

MOST_CONTACTS = 10  # of one account
LONGEST_ADDRESS = 300


class ContactKnown(Conflict):
    code = "CONTACT_KNOWN"
    message = _("这个联系方式已经登记并验证过了")


class TooManyContacts(Conflict):
    code = "TOO_MANY_CONTACTS"
    message = _("联系方式太多，请先删除不用的")


class LastContact(Conflict):
    code = "LAST_CONTACT"
    message = _("每个户号至少保留一个验证过的联系方式，请先添加并验证新的，再删除这个")


class NotVerified(Conflict):
    code = "CONTACT_NOT_VERIFIED"
    message = _("请先验证这个联系方式，再设为主要联系方式")


class AlreadyPrimary(Conflict):
    code = "ALREADY_PRIMARY"
    message = _("已经是主要联系方式，不用再改")


class BadAddress(HallError):
    code = "BAD_ADDRESS"
    message = _("请填写完整的通信地址，不超过 300 字，也不含特殊符号")
    status = 422


@transaction.atomic
def add(
    *,
    account_id: int,
    kind: str,
    value: str,
    as_of: datetime,
    name: str = "",
    is_primary: bool = False,
    verified_at: datetime | None = None,
) -> Contact:
    """Adds a contact or, when the account has it already, returns that one. The first of its kind is the primary.

    `is_primary` takes the place from the one that was. Raises BadPhone, BadEmail, BadName, NotFound.
    """
    account = locks.account(account_id)
    value = addresses.clean(kind, value)
    is_primary = is_primary or not _primary(account, kind)
    if is_primary:
        _primaries(account, kind).exclude(value=value).update(is_primary=False)
    contact, _is_new = Contact.objects.get_or_create(
        account=account,
        kind=kind,
        value=value,
        defaults={
            "name": names.clean(name) if name else "",
            "is_primary": is_primary,
            "verified_at": verified_at,
            "created_at": as_of,
        },
    )
    if is_primary and not contact.is_primary:
        contact.is_primary = True
        contact.save(update_fields=["is_primary"])
    return contact


@transaction.atomic
def prove(
    *, account_id: int, kind: str, value: str, as_of: datetime, name: str = "", ref: str = ""
) -> Contact:
    """A contact whose reader has typed a code: added, or verified where it was there. The old primary is told.

    `ref` makes the message once per change. Raises ContactKnown, TooManyContacts, and as `add`.
    """
    account = locks.account(account_id)
    check_new(account, kind=kind, value=value)
    told = _reached_by(account, kind, besides=value)
    contact = add(account_id=account_id, kind=kind, value=value, name=name, as_of=as_of)
    contact.verified_at = as_of
    contact.save(update_fields=["verified_at"])
    _tell("contact_added", account, told, about=contact.value, ref=ref, as_of=as_of)
    return contact


def check_new(account: BillingAccount, *, kind: str, value: str) -> None:
    """Raises what `prove` would raise for a clean value."""
    known = Contact.objects.filter(account=account)
    found = known.filter(kind=kind, value=value).first()
    if found and found.verified_at:
        raise ContactKnown()
    if found is None and known.count() >= MOST_CONTACTS:
        raise TooManyContacts()


@transaction.atomic
def make_primary(*, account_id: int, contact_id: int, as_of: datetime, ref: str = "") -> Contact:
    """The contact is the first of its kind to be written to; the one that was is told.

    Raises NotFound, NotVerified, AlreadyPrimary.
    """
    account = locks.account(account_id)
    contact = _of(account, contact_id)
    if contact.is_primary:
        raise AlreadyPrimary()
    if not contact.verified_at:
        raise NotVerified()
    told = _reached_by(account, contact.kind, besides=contact.value)
    _primaries(account, contact.kind).update(is_primary=False)
    contact.is_primary = True
    contact.save(update_fields=["is_primary"])
    _tell("contact_primary", account, told, about=contact.value, ref=ref, as_of=as_of)
    return contact


@transaction.atomic
def remove(*, account_id: int, contact_id: int, as_of: datetime, ref: str = "") -> Contact:
    """The contact is gone and told so; another one of its kind becomes the primary. Raises NotFound, LastContact."""
    account = locks.account(account_id)
    contact = _of(account, contact_id)
    if is_kept(contact):
        raise LastContact()
    Contact.objects.filter(pk=contact.pk).delete()
    if contact.is_primary:
        _promote(account, contact.kind)
    _tell("contact_removed", account, contact.value, about=contact.value, ref=ref, as_of=as_of)
    return contact


def is_kept(contact: Contact) -> bool:
    """Whether it is the last way to reach the account's people, which stays while the account is open.

    A number that an import brought and nobody has proven may go while another one is left.
    """
    if contact.account.is_closed:
        return False
    left = Contact.objects.filter(account_id=contact.account_id).exclude(pk=contact.pk)
    return not (left.filter(verified_at__isnull=False) if contact.verified_at else left).exists()


@transaction.atomic
def change_post_address(*, account_id: int, address: str, as_of: datetime, ref: str = "") -> BillingAccount:
    """Where letters go from now on; "": to where the service is. The primary phone is told. Raises BadAddress."""
    account = locks.account(account_id)
    account.post_address = clean_address(address)
    account.save(update_fields=["post_address"])
    told = _primary(account, Contact.Kind.PHONE)
    _tell("post_address_changed", account, told.value if told else "", about="", ref=ref, as_of=as_of)
    return account


def clean_address(typed: str) -> str:
    """The address with single spaces, or "". Raises BadAddress."""
    if not typed.strip():
        return ""
    try:
        return names.clean(typed, longest=LONGEST_ADDRESS)
    except names.BadName:
        raise BadAddress() from None


@transaction.atomic
def forget(*, account_id: int, values: list[str], as_of: datetime) -> int:
    """These phones and mailboxes stand for the account no more, but for the last one that it keeps; how many went."""
    account = locks.account(account_id)
    gone = 0
    for contact in Contact.objects.filter(account=account, value__in=values).order_by("verified_at", "pk"):
        if not is_kept(contact):
            Contact.objects.filter(pk=contact.pk).delete()
            gone += 1
    for kind in Contact.Kind.values:
        if not _primary(account, kind):
            _promote(account, kind)
    return gone


def _of(account: BillingAccount, contact_id: int) -> Contact:
    contact = Contact.objects.filter(account=account, pk=contact_id).select_related("account").first()
    if contact is None:
        raise NotFound()
    return contact


def _primaries(account: BillingAccount, kind: str) -> "models.QuerySet[Contact]":
    return Contact.objects.filter(account=account, kind=kind, is_primary=True)


def _primary(account: BillingAccount, kind: str) -> Contact | None:
    return _primaries(account, kind).first()


def _promote(account: BillingAccount, kind: str) -> None:
    """The verified one that has been there longest, or else any, is the primary now."""
    left = Contact.objects.filter(account=account, kind=kind)
    heir = left.order_by(models.F("verified_at").asc(nulls_last=True), "pk").first()
    if heir:
        heir.is_primary = True
        heir.save(update_fields=["is_primary"])


def _reached_by(account: BillingAccount, kind: str, *, besides: str) -> str:
    """Where the account's people are told that something changed: as before the change."""
    primary = _primary(account, kind) or _primary(account, Contact.Kind.PHONE)
    if primary is None or primary.value == besides:
        others = Contact.objects.filter(account=account).exclude(value=besides)
        primary = others.order_by("-is_primary", "pk").first()
    return primary.value if primary else ""


def _tell(code: str, account: BillingAccount, to: str, *, about: str, ref: str, as_of: datetime) -> None:
    if not to:
        return
    context = {"account_tail": account.number[-4:]}
    if about:
        context["contact"] = addresses.mask(about)
    messages.send(
        code=code,
        recipient_ref=f"account:{account.number}",
        addresses=[addresses.to(to)],
        context=context,
        dedupe_key=f"{code}:{account.number}:{ref or as_of.isoformat()}",
        as_of=as_of,
    )
