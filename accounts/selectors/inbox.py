"""What a user was told: on his own behalf, on his accounts as far as his role goes, and on his proven phone.

Rooms that address messages by refs of their own ("email_subscription:…") say which of them belong to an account:

    @inbox.refs
    def bill_mails(account_ids: Collection[int]) -> Iterable[str]: …
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from accounts import rules
from accounts.models import Membership, User
from notices import kinds
from notices.models import Channel, Delivery, DeliveryState, InboxMark, Message

MOST_UNREAD = 100  # more are not counted

Refs = Callable[[Collection[int]], Iterable[str]]
_refs: list[Refs] = []


@dataclass(frozen=True, slots=True)
class Filter:
    """What of it is wanted: of one channel, of one account, only what is unread."""

    channel: str = ""
    account: str = ""
    is_unread: bool = False


@dataclass(frozen=True, slots=True)
class Inbox:
    """The messages that a user may read, newest last; `up_to` is the newest that he has read."""

    user: User
    up_to: int
    messages: "QuerySet[Message]"

    @property
    def unread(self) -> int:
        """At most MOST_UNREAD."""
        return self.messages.filter(pk__gt=self.up_to).order_by()[:MOST_UNREAD].count()

    def filtered(self, wanted: Filter) -> "QuerySet[Message]":
        """Newest first, with deliveries and their templates."""
        rows = self.messages
        if wanted.is_unread:
            rows = rows.filter(pk__gt=self.up_to)
        if wanted.account:
            rows = rows.filter(recipient_ref=f"account:{wanted.account}")
        if wanted.channel:
            rows = rows.filter(pk__in=Delivery.objects.filter(channel=wanted.channel).values("message_id"))
        deliveries = Prefetch("deliveries", Delivery.objects.select_related("template").order_by("pk"))
        return rows.order_by("-pk").prefetch_related(deliveries)


def refs(find: Refs) -> Refs:
    """Registers what belongs to accounts under other refs than theirs."""
    _refs.append(find)
    return find


def of(user: Any) -> Inbox:
    """A user's inbox; a stranger's messages are not in it."""
    mark = InboxMark.objects.filter(reader_ref=reader(user)).values_list("up_to", flat=True).first()
    his = _told(user).values("pk").union(_on_his_phone(user).values("pk"))
    return Inbox(user, mark or 0, Message.objects.filter(pk__in=his))


def reader(user: Any) -> str:
    return f"user:{user.pk}"


def numbers(user: Any) -> list[str]:
    """His accounts, for the filter."""
    rows = Membership.objects.filter(user_id=user.pk).order_by("account__number")
    return list(rows.values_list("account__number", flat=True))


def _told(user: Any) -> "QuerySet[Message]":
    """To him and to his accounts, without what his role there may not know."""
    found = Q(recipient_ref=reader(user))
    by_role: dict[str, list[tuple[int, str]]] = {}
    rows = Membership.objects.filter(user_id=user.pk).values_list("role", "account_id", "account__number")
    for role, account_id, number in rows:
        by_role.setdefault(role, []).append((account_id, number))
    for role, accounts in by_role.items():
        named = [f"account:{number}" for _pk, number in accounts]
        named += [ref for find in _refs for ref in find([pk for pk, _number in accounts])]
        found |= Q(recipient_ref__in=named) & ~Q(code__in=_kept_from(role))
    return Message.objects.filter(found)


def _kept_from(role: str) -> list[str]:
    """The kinds whose right this role does not have."""
    allowed = {str(action) for action in rules.MAY.get(role, frozenset())}
    return [kind.code for kind in kinds.everything() if kind.right and kind.right not in allowed]


def _on_his_phone(user: Any) -> "QuerySet[Message]":
    """Since he has proven it: a number that changed hands had another's messages before."""
    if not user.proven_phone:
        return Message.objects.none()
    told = Delivery.objects.filter(address=user.proven_phone, created_at__gte=user.phone_verified_at)
    return Message.objects.filter(pk__in=told.values("message_id"))


_WORST_LAST = (
    DeliveryState.DELIVERED,
    DeliveryState.SENT,
    DeliveryState.QUEUED,
    DeliveryState.EXPIRED,
    DeliveryState.FAILED,
)


def state(message: Message) -> str:
    """How far it came on its best way. What lies in the inbox says nothing, where another way was tried."""
    rows = list(message.deliveries.all())
    tried = [row for row in rows if row.channel != Channel.INBOX] or rows
    states = {row.state for row in tried}
    return next((each for each in _WORST_LAST if each in states), DeliveryState.QUEUED)
