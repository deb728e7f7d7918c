"""Slips confirmed by a code, as rows: the code is there and was given, as the law of slips asks."""

from datetime import datetime

from accounts.models import BillingAccount, Contact, Membership, VerificationCode
from operations.models import Slip, SlipState
from tests.billing import build as money


def confirm(slip: Slip, of: BillingAccount, *, at: datetime) -> Slip:
    """The DRAFT is confirmed by somebody of that account, by a code to its phone."""
    user = slip.actor or money.user()
    address = Contact.objects.filter(account=of).values_list("value", flat=True).first()
    joined = (
        None if address else Membership.objects.create(user=user, account=of, role="OWNER", created_at=at)
    )
    row = code(slip.operation, user.pk, address or user.phone or "", at=at)
    slip.state = SlipState.QUOTED
    slip.save(update_fields=["state"])
    slip.state, slip.actor, slip.confirmed_at = SlipState.CONFIRMED, user, at
    slip.confirmation = {"kind": "SMS_CODE", "code_id": row.pk}
    slip.save(update_fields=["state", "actor", "confirmed_at", "confirmation"])
    if joined is not None:
        joined.delete()
    return slip


def code(
    operation: str, user_id: int, address: str, *, at: datetime, is_used: bool = True
) -> VerificationCode:
    return VerificationCode.objects.create(
        purpose=f"operation:{operation}", subject=f"user:{user_id}|x", address=address, code_hash="x",
        created_at=at, expires_at=at, used_at=at if is_used else None,
    )  # fmt: skip
