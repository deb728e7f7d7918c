"""Whether sealed evidence is still what was sealed: rows against their digests, seals and roots against each other."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings

from accounts.models import BillingAccount
from arrears import evidence_rules
from arrears.evidence_rules import Fault
from arrears.models import EscalationPack, EvidenceRoot, EvidenceSeal, SealedRow, SealFailure
from arrears.selectors import evidence_rows
from arrears.selectors.evidence_rows import Horizon
from core import clock
from core.models import AuditRow

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
    names = {(table, part, key) for each in seals.values() for table, part, key, *_rest in _rows(each)}
    digests = {name: row.digest for name, row in evidence_rows.by_name(names, today=today).items()}
    for account_id, number in sorted(numbers.items()):
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
    yield from _left_out()


def _left_out() -> Iterator[Fault]:
    """What the last root should have found and did not: a root that somebody else made, to have it forgotten."""
    last = EvidenceRoot.objects.order_by("-sealed_on").first()
    if last is None or last.horizon is None:
        return
    missed = evidence_rows.missed(Horizon(last.sealed_on, last.horizon, last.cluster))
    failed = SealFailure.objects.filter(resolved_at=None).values("account_id")
    accounts = BillingAccount.every.filter(pk__in=missed).exclude(pk__in=failed)
    for number in accounts.order_by("pk").values_list("number", flat=True):
        yield Fault("UNSEALED", number, on=last.sealed_on.isoformat())


def one(account_id: int, *, today: date) -> Iterator[Fault]:
    """The account's first fault; where it has none, the first of the nights under which a seal of it lies or lay.

    Its last row would be gone unseen with the last seal of it, but for the root that counted that seal. An earlier seal
    leaves a gap in the chain, so nights without one of it are asked only since its last.
    """
    fault = next(accounts([account_id], today=today), None)
    if fault is not None:
        yield fault
        return
    nights = sorted(EvidenceSeal.objects.filter(account_id=account_id).values_list("sealed_on", flat=True))
    yield from roots(lambda root: not nights or root.until >= nights[-1] or root.holds(nights))


@dataclass(frozen=True, slots=True)
class Span:
    """The nights under one root: after the root before, until its own."""

    after: date | None
    until: date

    def holds(self, nights: Iterable[date]) -> bool:
        return any((self.after is None or night > self.after) and night <= self.until for night in nights)


def roots(wanted: Callable[[Span], bool] = lambda span: True) -> Iterator[Fault]:
    """The first night whose root does not follow from the one before and, where `wanted`, from its seals."""
    previous, after = "", None
    for root in EvidenceRoot.objects.order_by("sealed_on"):
        span = Span(after, root.sealed_on)
        if root.previous != previous or (wanted(span) and not _follows(root, span)):
            yield Fault("ROOT", on=root.sealed_on.isoformat())
            return
        previous, after = root.digest, root.sealed_on


def _follows(root: EvidenceRoot, span: Span) -> bool:
    """Whether the seals that there are make this root: all of them, no others, each as it was."""
    own = evidence_rules.Root(root.previous, root.sealed_on.isoformat())
    for number, sequence, digest in under_root(span.after, span.until):
        own.add(number, sequence, digest)
    return (root.digest, root.seals) == (own.digest, own.seals)


def under_root(after: date | None, night: date) -> Iterator[tuple[str, int, str]]:
    """Account, sequence and digest of the seals since the root of `after`, in the order in which a root takes them."""
    seals = EvidenceSeal.objects.filter(sealed_on__lte=night)
    if after:
        seals = seals.filter(sealed_on__gt=after)
    found = seals.order_by("account_id", "sequence").values_list("account__number", "sequence", "digest")
    return found.iterator(chunk_size=10_000)


def against_hall(pack: Mapping[str, Any]) -> Fault | None:
    """What this hall does not have of a pack, or has otherwise: a seal, a root, a row said to be purged, the whole."""
    number = pack["account"]["number"]
    known = dict(EvidenceSeal.objects.filter(account__number=number).values_list("sequence", "digest"))
    for seal in pack["seals"]:
        if known.get(seal["sequence"]) != seal["digest"]:
            return Fault("SEAL", number, seal=seal["sequence"])
    for root in pack["roots"]:
        nights = EvidenceRoot.objects.filter(sealed_on=root["sealed_on"], previous=root["previous"])
        if not nights.filter(digest=root["digest"], seals=root["seals"]).exists():
            return Fault("ROOT", number, on=root["sealed_on"])
    if fault := _purged_fault(number, pack):
        return fault
    return None if _is_handed_out(pack) else Fault("UNKNOWN", number)


def _purged_fault(number: str, pack: Mapping[str, Any]) -> Fault | None:
    """A row that a pack leaves out as purged before retention could take it."""
    made_on = clock.local_date(datetime.fromisoformat(pack["made_at"]))
    gone = {tuple(name) for name in pack["purged"]}
    for seal in pack["seals"]:
        for table, part, key, _digest, since in seal["rows"]:
            if (table, part, key) in gone and not evidence_rows.is_purged(table, since, today=made_on):
                return Fault("MISSING", number, table, key, seal["sequence"])
    return None


def _is_handed_out(pack: Mapping[str, Any]) -> bool:
    """Whether it was this hall that made it: every pack leaves an audit row, or lies with an escalation."""
    number, digest = pack["account"]["number"], pack["digest"]
    account = BillingAccount.every.filter(number=number).first()
    if account is None:
        return False
    taken = AuditRow.objects.filter(
        object_type="accounts.BillingAccount",
        object_id=str(account.pk),
        action=evidence_rules.HANDED_OUT,
        detail__digest=digest,
    )
    if taken.exists() or EscalationPack.objects.filter(escalation__account=account, digest=digest).exists():
        return True
    made_at, kept = datetime.fromisoformat(pack["made_at"]), int(settings.KEEP_DAYS.get("audit", 0))
    return bool(kept) and made_at < clock.now() - timedelta(kept - 1)  # so old that nobody can tell


def _rows(seals: Sequence[Mapping[str, Any]]) -> Iterator[list[Any]]:
    for seal in seals:
        yield from seal["rows"]


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
