"""Names for rows that have no public number: keyed, so that they tell nothing and cannot be guessed."""

from django.db.models import Model
from django.utils.crypto import salted_hmac


def of(row: Model) -> str:
    """What a page calls this row by; the same each time."""
    return salted_hmac(f"accounts.reference|{row._meta.label}", str(row.pk), algorithm="sha256").hexdigest()[
        :20
    ]
