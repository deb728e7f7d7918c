"""Mailboxes of the tests: what was sent to them, and the links in it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.core import mail
from django.db import connection

from accounts.models import BillingAccount, User
from billing.models import EmailSubscription
from billing.services.mails import bill_mails, email_subscriptions
from billing.services.mails.bill_mails import Counts, Job
from core import outbox
from notices.services import sending
from tests.billing.build import ACTOR
from tests.conftest import NOON

ADDRESS = "wang@example.com"
CONSENT = "我同意"


def ask(
    account: BillingAccount,
    user: User,
    *,
    address: str = ADDRESS,
    language: str = "zh-hans",
    as_of: datetime = NOON,
) -> EmailSubscription:
    """Asks for the bills, and has the mail with the link sent."""
    with committed():
        row = email_subscriptions.request(
            account_id=account.pk,
            user_id=user.pk,
            address=address,
            language=language,
            consent=CONSENT,
            actor=ACTOR,
            as_of=as_of,
        )
    work(as_of)
    return row


def subscribe(
    account: BillingAccount, user: User, *, address: str = ADDRESS, as_of: datetime = NOON, **more: Any
) -> EmailSubscription:
    """Asked for and confirmed."""
    ask(account, user, address=address, as_of=as_of, **more)
    return email_subscriptions.confirm(token=token_to(address), user_id=user.pk, actor=ACTOR, as_of=as_of)


@contextmanager
def committed() -> Iterator[None]:
    """What was put off until the commit happens at the end of the block, inside a test's transaction."""
    before = len(connection.run_on_commit)
    yield
    hooks: list[Callable[[], object]] = [entry[1] for entry in connection.run_on_commit[before:]]
    del connection.run_on_commit[before:]
    for hook in hooks:
        hook()


def work(as_of: datetime = NOON) -> None:
    """What the workers do until nothing is due."""
    while sending.work(clock=lambda: as_of):
        pass


def hear(as_of: datetime = NOON) -> None:
    """The news between rooms are carried out."""
    while outbox.dispatch(as_of=as_of):
        pass


def run(as_of: datetime = NOON, **options: Any) -> Counts:
    """One run of the job that mails bills; the counts at its end."""
    total = Counts()
    for total in bill_mails.run(Job(as_of=as_of, **options)):  # noqa: B007  the last one counts
        pass
    return total


def to(address: str = ADDRESS) -> list[Any]:
    """The mails to an address, oldest first."""
    return [each for each in mail.outbox if each.to == [address]]


def links(body: str) -> list[str]:
    """The paths of the links in a mail."""
    return [urlsplit(link).path for link in re.findall(r"https?://\S+", body)]


def token_to(address: str = ADDRESS) -> str:
    """The secret part of the link in the newest mail to the address that asks for confirmation."""
    found = [path for each in to(address) for path in links(each.body) if "/confirm/" in path]
    return found[-1].rstrip("/").rpartition("/")[2]
