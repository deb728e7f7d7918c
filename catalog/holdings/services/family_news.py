"""What the people of an account are told about its family. Who has proven no phone sees it on his page."""

from datetime import datetime

from django.conf import settings
from django.utils import formats, translation

from accounts.models import Membership, User
from catalog.holdings.families import FamilyInvitation, FamilyMember
from notices.models import Channel
from notices.services import messages


def invited(row: FamilyInvitation, *, as_of: datetime) -> None:
    """The owners of the invited account, if there is one."""
    if row.account is None:
        return
    context = {
        "payer_tail": row.family.payer.number[-4:],
        "account_tail": row.account.number[-4:],
        "url": settings.BASE_URL,
    }
    _tell("family_invited", row.account.pk, row.reference, context, as_of=as_of)


def ended(member: FamilyMember, *, as_of: datetime) -> None:
    """The owners of an account that pays for itself again."""
    assert member.active_to is not None
    for user in _owners(member.account_id):
        with translation.override(user.language):
            day = formats.date_format(member.active_to)
        context = {"account_tail": member.account.number[-4:], "day": day}
        _send("family_ended", user, f"{member.pk}", context, as_of=as_of)


def _tell(code: str, account_id: int, key: str, context: dict[str, str], *, as_of: datetime) -> None:
    for user in _owners(account_id):
        _send(code, user, key, context, as_of=as_of)


def _owners(account_id: int) -> list[User]:
    rows = Membership.objects.filter(account_id=account_id, role=Membership.Role.OWNER)
    return [each.user for each in rows.select_related("user").order_by("pk") if each.user.proven_phone]


def _send(code: str, user: User, key: str, context: dict[str, str], *, as_of: datetime) -> None:
    messages.send(
        code=code,
        recipient_ref=f"user:{user.pk}",
        addresses=[messages.Address(Channel.SMS, user.proven_phone or "")],
        context=context,
        dedupe_key=f"{code}:{key}:{user.pk}",
        as_of=as_of,
        language=user.language,
    )
