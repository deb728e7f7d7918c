"""What an account's people are told of a pause: on every verified contact, so also on one that is not off itself."""

from collections.abc import Mapping
from datetime import date, datetime

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from accounts import addresses
from accounts.models import Contact
from accounts.selectors import reach
from billing.documents.words import day
from catalog.pauses import words
from catalog.pauses.models import Pause
from catalog.pauses.selectors import quoting
from core.clock import local_date
from notices.services import messages


def begun(pause: Pause, *, as_of: datetime) -> None:
    """From when to when, what it costs meanwhile, and where to end it."""
    row, begins_on = pause.suspension.subscription, pause.suspension.begins_on
    with translation.override(_language(pause)):
        amount = quoting.fee(row, begins_on)
    context: dict[str, str | date] = {"day": begins_on, "resume_on": pause.resume_on, "amount": amount}
    _send("pause_begun", pause, context | {"url": _url(pause)}, as_of=as_of)


def ending(pause: Pause, *, as_of: datetime) -> None:
    """That it is on, and charged, again soon."""
    context: dict[str, str | date] = {"resume_on": pause.resume_on, "url": _url(pause)}
    _send("pause_ending", pause, context, as_of=as_of)


def ended(pause: Pause, *, as_of: datetime) -> None:
    """That it is on again."""
    _send("pause_ended", pause, {"day": local_date(as_of)}, as_of=as_of)


def _send(code: str, pause: Pause, context: Mapping[str, str | date], *, as_of: datetime) -> None:
    row = pause.suspension.subscription
    language = _language(pause)
    with translation.override(language):
        said = {name: day(value) if isinstance(value, date) else value for name, value in context.items()}
        said |= {"account_tail": row.account.number[-4:], "service": words.service(row)}
    known = Contact.objects.filter(account_id=row.account_id, verified_at__isnull=False).order_by("pk")
    told = [addresses.to(value) for value in known.values_list("value", flat=True)]
    messages.send(
        code=code,
        recipient_ref=f"account:{row.account.number}",
        addresses=[*told, messages.INBOX],
        context=said,
        dedupe_key=f"{code}:{pause.pk}",
        as_of=as_of,
        language=language,
    )


def _language(pause: Pause) -> str:
    account = pause.suspension.subscription.account
    return reach.of([account])[account.pk].language


def _url(pause: Pause) -> str:
    return settings.BASE_URL + reverse("catalog:service", args=[pause.suspension.subscription.number])
