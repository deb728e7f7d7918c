"""The evidence pack of an account: everything that it was told, that was decided about it, and that it paid."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount, Contact
from arrears import evidence_rules
from arrears.models import EvidenceRoot
from arrears.selectors import evidence_checks, evidence_rows
from arrears.selectors import facts as facts_reads
from arrears.selectors.evidence_rows import Row
from core import clock
from core.actor import Actor
from core.errors import HallError


class NoSuchAccount(HallError):
    code = "NO_ACCOUNT_OF_EVIDENCE"
    message = _("没有这个户号")


def make(*, account_id: int, actor: Actor, as_of: datetime) -> dict[str, Any]:
    """Plain JSON with its own digest; `evidence_files.file_fault` finds nothing in it as long as nobody alters it."""
    today = clock.local_date(as_of)
    account = BillingAccount.objects.select_related("customer", "region").get(pk=account_id)
    seals = evidence_checks.seals_of([account_id])[account_id]
    rows = _found(account_id, seals, today)
    pack: dict[str, Any] = {
        "schema": evidence_rules.SCHEMA,
        "made_at": evidence_rules.plain(as_of),
        "made_by": actor.ref,
        "account": _account(account),
        "contacts": _contacts(account_id),
        "rows": _rows(rows, seals),
        "purged": _purged(rows, seals, as_of),
        "seals": seals,
        "roots": _roots(seals),
    }
    return pack | {"digest": evidence_rules.pack_digest(pack)}


def _found(account_id: int, seals: Sequence[dict[str, Any]], today: date) -> list[Row]:
    """What is the account's now, and what was sealed as its own and belongs to another one by now."""
    own = evidence_rows.of([account_id], today=today)[account_id]
    there = {row.name for row in own}
    names = {(table, part, key) for seal in seals for table, part, key, *_rest in seal["rows"]} - there
    sealed = evidence_rows.by_name(names, today=today)
    return [*own, *sealed.values(), *evidence_rows.passing(account_id, today=today)]


def by_number(number: str) -> BillingAccount:
    """Raises NoSuchAccount."""
    found = BillingAccount.objects.filter(number=number).first()
    if found is None:
        raise NoSuchAccount()
    return found


def _account(account: BillingAccount) -> dict[str, Any]:
    return {
        "number": account.number,
        "customer": account.customer.name,
        "region": account.region.name if account.region else "",
        "address": account.address,
        "post_address": account.post_address,
    }


def _contacts(account_id: int) -> list[dict[str, Any]]:
    """All live contacts of its own as they are now: those that were left, and the lines that take SMS."""
    known = {row.pk: row for row in Contact.objects.filter(account_id=account_id)}
    found = []
    for reach in facts_reads.contacts([account_id])[account_id]:
        if reach.member:  # of somebody for whom it pays, who reads this in a pack of his own
            continue
        row = known.get(reach.contact_id or 0)
        found.append(
            {
                "ref": reach.ref,
                "channel": str(reach.channel),
                "address": reach.address,
                "name": row.name if row else "",
                "verified_at": evidence_rules.plain(row.verified_at) if row else None,
                "created_at": evidence_rules.plain(row.created_at) if row else None,
            }
        )
    return found


def _rows(rows: Sequence[Row], seals: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of time; parts without a time of their own follow what they belong to."""
    sealed = {
        (table, part, row_id): seal["sequence"]
        for seal in seals
        for table, part, row_id, _digest, _since in seal["rows"]
    }
    times = evidence_rules.times([(row.table, row.part, row.id, row.values) for row in rows])
    found = [
        {
            "table": row.table,
            "part": row.part,
            "id": row.id,
            "at": at,
            "values": row.values,
            "digest": row.digest,
            "seal": sealed.get(row.name, 0),
        }
        for row, at in zip(rows, times, strict=True)
    ]
    return sorted(found, key=lambda each: (each["at"], each["table"], each["id"], each["part"]))


def _purged(rows: Sequence[Row], seals: Sequence[dict[str, Any]], as_of: datetime) -> list[list[Any]]:
    """What was sealed and went by the rules of retention since."""
    there = {row.name for row in rows}
    today = clock.local_date(as_of)
    return [
        [table, part, row_id]
        for seal in seals
        for table, part, row_id, _digest, since in seal["rows"]
        if (table, part, row_id) not in there and evidence_rows.is_purged(table, since, today=today)
    ]


def _roots(seals: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    nights = {seal["sealed_on"] for seal in seals}
    return [
        {
            "sealed_on": root.sealed_on.isoformat(),
            "seals": root.seals,
            "previous": root.previous,
            "digest": root.digest,
        }
        for root in EvidenceRoot.objects.filter(sealed_on__in=nights).order_by("sealed_on")
    ]
