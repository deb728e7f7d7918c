"""What this room knows of a recipient, for previews of texts."""

from django.conf import settings

from accounts.models import BillingAccount
from notices import previews

PREFIX = "account:"


def account_of(recipient_ref: str) -> BillingAccount | None:
    """The account that a ref names; None for any other ref."""
    if not recipient_ref.startswith(PREFIX):
        return None
    return BillingAccount.objects.filter(number=recipient_ref.removeprefix(PREFIX)).first()


@previews.filler
def account(recipient_ref: str) -> dict[str, str]:
    """The tail of its number, and where to ask."""
    found = account_of(recipient_ref)
    return {"account_tail": found.number[-4:], "help_line": settings.HELP_LINE} if found else {}
