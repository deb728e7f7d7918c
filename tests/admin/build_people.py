"""Rows of what users do themselves: invited, agreed to, asked for."""

from accounts.models import BillingAccount, DataExport, Invitation, LoginClosing
from accounts.services import consents
from core.actor import Actor
from tests.conftest import NOON

HOW = consents.How(actor=Actor("test:admin"), channel="WEB")


def wishes(i: int, account: BillingAccount) -> None:
    """One of each by the account's owner."""
    user = account.memberships.get().user
    Invitation.objects.create(
        reference=f"invitation{i}",
        account=account,
        phone=f"+86138{i:08d}",
        role="VIEWER",
        invited_by=user,
        created_at=NOON,
        expires_at=NOON,
    )
    consents.change(user_id=user.pk, purpose="PROFILE", is_given=True, how=HOW, as_of=NOON)
    consents.set_details(user_id=user.pk, occupation="TEACHER", education="", interests=[], as_of=NOON)
    DataExport.objects.create(reference=f"export{i}", user=user, requested_at=NOON, next_attempt_at=NOON)
    LoginClosing.objects.create(reference=f"closing{i}", user=user, requested_at=NOON, due_at=NOON)
