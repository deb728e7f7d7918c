"""Handing evidence out: whoever takes a pack leaves an audit row."""

from datetime import datetime

from django.db import transaction

from arrears import evidence_paper, evidence_rules
from arrears.selectors import evidence_packs
from core import audit
from core.actor import Actor

FORMS = {"json": "application/json", "pdf": "application/pdf"}


@transaction.atomic
def hand_out(
    *,
    account_id: int,
    form: str,
    actor: Actor,
    as_of: datetime,
    address: str | None = None,
    language: str = evidence_paper.LANGUAGE,
) -> bytes:
    """The pack of this moment as "json" or "pdf"; that it was taken, by whom and with which digest, is kept.

    `language` is that of the words around the evidence on paper; what was said to the customer stays as it was said.
    """
    pack = evidence_packs.make(account_id=account_id, actor=actor, as_of=as_of)
    audit.record(
        actor=actor,
        action=evidence_rules.HANDED_OUT,
        subject=("accounts.BillingAccount", str(account_id)),
        detail={"form": form, "digest": pack["digest"]},
        address=address,
        as_of=as_of,
    )
    if form == "pdf":
        return evidence_paper.pdf(pack, language=language)
    return evidence_rules.canonical(pack).encode()
