"""Whether sealed evidence is still what was sealed: rows against their digests, seals and roots against each other."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from accounts.models import BillingAccount
from arrears import evidence_rules
from arrears.evidence_rules import Fault
from arrears.models import EvidenceRoot, EvidenceSeal, SealedRow
from arrears.selectors import evidence_rows

CHUNK = 500  # accounts


def seals_of(account_ids: Sequence[int]) -> defaultdict[int, list[dict[str, Any]]]:
    """All seals of these accounts in their order, as a pack has them: with their rows."""
    entries: defaultdict[int, list[list[Any]]] = defaultdict(list)
    sealed = SealedRow.objects.filter(account_id__in=account_ids).order_by("seal_id", "id")
    names = ("seal_id", "table_name", "part", "row_id", "digest", "since")
    for seal_id, table, part, row_id, digest, since in sealed.values_list(*names):
        day = since.isoformat() if since else ""
        entries[seal_id].append([table, part, row_id, digest, day])
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    seals = EvidenceSeal.objects.filter(account_id__in=account_ids).order_by("account_id", "sequence")
    for seal in seals:
        found[seal.account_id].append(
            {
                "sequence": seal.sequence,
                "sealed_on": seal.sealed_on.isoformat(),
                "previous": seal.previous,
                "digest": seal.digest,
                "rows": entries[seal.pk],
            }
        )
    return found


def accounts(account_ids: Sequence[int], *, today: date) -> Iterator[Fault]:
    """The first fault of each of these accounts that has one."""
    numbers = dict(BillingAccount.every.filter(pk__in=account_ids).values_list("pk", "number"))
    seals = seals_of(account_ids)
    rows = evidence_rows.of(account_ids, today=today)
    for account_id, number in sorted(numbers.items()):
        digests = {row.name: row.digest for row in rows[account_id]}
        fault = _row_fault(number, seals[account_id], digests, today)
        if fault := fault or evidence_rules.chain_fault(number, seals[account_id]):
            yield fault


def everything(*, today: date) -> Iterator[Fault]:
    """Every account that has seals, then the nights."""
    after = 0
    while True:
        seals = EvidenceSeal.objects.filter(account_id__gt=after).order_by("account_id")
        ids = list(seals.values_list("account_id", flat=True).distinct()[:CHUNK])
        if not ids:
            break
        yield from accounts(ids, today=today)
        after = ids[-1]
    yield from roots()


def roots() -> Iterator[Fault]:
    """The first night whose root does not follow from the one before and from the seals that there are."""
    previous = ""
    for root in EvidenceRoot.objects.order_by("sealed_on"):
        night = root.sealed_on.isoformat()
        own = evidence_rules.Root(previous, night)
        seals = EvidenceSeal.objects.filter(sealed_on=root.sealed_on).order_by("account_id")
        for number, sequence, digest in seals.values_list("account__number", "sequence", "digest").iterator():
            own.add(number, sequence, digest)
        if (root.previous, root.digest, root.seals) != (previous, own.digest, own.seals):
            yield Fault("ROOT", on=night)
            return
        previous = root.digest


def against_hall(pack: Mapping[str, Any]) -> Fault | None:
    """The first seal or root of a sound pack that this hall does not have, or has otherwise."""
    number = pack["account"]["number"]
    known = dict(EvidenceSeal.objects.filter(account__number=number).values_list("sequence", "digest"))
    for seal in pack["seals"]:
        if known.get(seal["sequence"]) != seal["digest"]:
            return Fault("SEAL", number, seal=seal["sequence"])
    nights = {root.sealed_on.isoformat(): root.digest for root in EvidenceRoot.objects.all()}
    for root in pack["roots"]:
        if nights.get(root["sealed_on"]) != root["digest"]:
            return Fault("ROOT", number, on=root["sealed_on"])
    return None


def _row_fault(
    number: str,
    seals: Sequence[Mapping[str, Any]],
    digests: Mapping[tuple[str, str, int], str],
    today: date,
) -> Fault | None:
    for seal in seals:
        for table, part, row_id, digest, since in seal["rows"]:
            found = digests.get((table, part, row_id))
            if found == digest or (found is None and evidence_rows.is_purged(table, since, today=today)):
                continue
            code = "MISSING" if found is None else "ALTERED"
            return Fault(code, number, table, row_id, seal["sequence"])
    return None
