"""Handing evidence out: whoever takes a pack leaves an audit row."""

from datetime import datetime

from django.db import transaction

from arrears import evidence_paper, evidence_rules
from arrears.selectors import evidence_packs
from core import audit
from core.actor import Actor

FORMS = {"json": "application/json", "pdf": "application/pdf"}
ACTION = "arrears.evidence.pack"


@transaction.atomic
def hand_out(
    *, account_id: int, form: str, actor: Actor, as_of: datetime, address: str | None = None
) -> bytes:
    """The pack of this moment as "json" or "pdf"; that it was taken, by whom and with which digest, is kept."""
    pack = evidence_packs.make(account_id=account_id, actor=actor, as_of=as_of)
    audit.record(
        actor=actor,
        action=ACTION,
        subject=("accounts.BillingAccount", str(account_id)),
        detail={"form": form, "digest": pack["digest"]},
        address=address,
        as_of=as_of,
    )
    return evidence_paper.pdf(pack) if form == "pdf" else evidence_rules.canonical(pack).encode()
