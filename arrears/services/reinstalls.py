"""不允许复装: rules by which who was disconnected for arrears gets no new line for some months, and their overrides.

Each is asked for by one person and decided by another. A named authority answers for an override.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import BillingAccount, Region
from arrears.models import ReinstallOverride, ReinstallRule
from arrears.models.aftermath import MOST_MONTHS
from arrears.selectors import reinstalls as reads
from billing.selectors import own_accounts
from catalog.choices import Cycle
from catalog.offers.models import Offer
from catalog.orders import bars
from core import approvals, scopes
from core.actor import Actor
from core.approvals import Outcome
from core.clock import local_date
from core.db import violated
from core.errors import Conflict, HallError, NotFound
from core.models import Approval, ApprovalState, Upload
from core.prepared import Prepared
from core.uploads import files, kinds

RULE, RULE_END, OVERRIDE = (
    "arrears.reinstall_rule",
    "arrears.reinstall_rule_end",
    "arrears.reinstall_override",
)
ASK_RULE, DECIDE_RULE = "arrears.add_reinstallrule", "arrears.approve_reinstallrule"
ASK_OVERRIDE, DECIDE_OVERRIDE = "arrears.add_reinstalloverride", "arrears.approve_reinstalloverride"


class NoReinstall(Conflict):
    """The rule's own text, and until when it holds."""

    code = "NO_REINSTALL"
    message = gettext_lazy("%(text)s（%(until)s 起可以办理）")


class BadRule(HallError):
    code = "REINSTALL_RULE_UNSOUND"
    message = gettext_lazy(
        "规则须从明天或更晚的日子开始生效，在生效之后失效，限制 1 到 120 个月，并写明给客户看的说明"
    )


class NotBarred(Conflict):
    code = "REINSTALL_NOT_BARRED"
    message = gettext_lazy("这个户号现在没有受这条规则限制")


class NotSigned(HallError):
    code = "REINSTALL_AUTHORITY_NEEDED"
    message = gettext_lazy("请写明决定人的姓名和职务")


class AlreadyOverridden(Conflict):
    code = "REINSTALL_OVERRIDDEN"
    message = gettext_lazy("这个户号已经不受这条规则限制")


def refuse_barred(account: BillingAccount, *, on: date) -> None:
    """Returns when no rule keeps the account's customer from a new line on that day; raises NoReinstall."""
    found = reads.of(account, on=on)
    if found is not None:
        raise NoReinstall(text=found.rule.text, until=found.until.isoformat())


def _refuse_line(account: BillingAccount, added: Mapping[str, Offer], *, on: date) -> None:
    """What only adds to a line that there is, and what is sold once, is no new line."""
    extra = settings.ORDER_VALUE_ADDED_TYPES
    if any(each.cycle != Cycle.ONCE and each.type.code not in extra for each in added.values()):
        refuse_barred(account, on=on)


bars.add(
    bars.Bar(
        asked=Prepared(lambda today: reads.in_force(today), today=date),
        values=lambda today: {"today": today},
        refuse=_refuse_line,
    )
)


def ask_rule(
    *,
    region_id: int | None,
    months: int,
    text: str,
    active_from: date,
    active_to: date | None,
    reason: str,
    actor: Actor,
    as_of: datetime,
    address: str | None = None,
) -> Outcome:
    """A rule for the region (None: everywhere) that a second person decides. Raises BadRule, and as approvals do."""
    data = {
        "region_id": region_id,
        "months": months,
        "text": text.strip(),
        "active_from": active_from.isoformat(),
        "active_to": active_to.isoformat() if active_to else "",
    }
    _check_rule(data, as_of)
    place = Region.objects.filter(pk=region_id).values_list("code", flat=True).first() if region_id else "*"
    return approvals.submit(
        kind=RULE,
        subject=("arrears.ReinstallRule", f"{place}:{active_from.isoformat()}"),
        amount_cents=0,
        data=data,
        reason=reason,
        actor=actor,
        as_of=as_of,
        address=address,
        lies_in=region_id,
    )


def ask_end(
    *, rule_id: int, ends_on: date, reason: str, actor: Actor, as_of: datetime, address: str | None = None
) -> Outcome:
    """The rule shall hold no more from that day on; a second person decides. Raises NotFound, BadRule."""
    _check_end(rule_id, ends_on, as_of)
    return approvals.submit(
        kind=RULE_END,
        subject=("arrears.ReinstallRule", rule_id),
        amount_cents=0,
        data={"ends_on": ends_on.isoformat()},
        reason=reason,
        actor=actor,
        as_of=as_of,
        address=address,
        lies_in=ReinstallRule.objects.values_list("region_id", flat=True).get(pk=rule_id),
    )


def _may_read(user: Any, upload: Upload) -> bool:
    """The staff who may look at overrides of the account."""
    if not (user.is_staff and user.has_perm("arrears.view_reinstalloverride")):
        return False
    accounts = BillingAccount.objects.filter(number=upload.subject)
    scope = scopes.of(user, "arrears.view_reinstalloverride", ASK_OVERRIDE, DECIDE_OVERRIDE)
    return scopes.narrow(accounts, "region", scope).exists()


DOCUMENT = kinds.register(kinds.Kind("reinstall.authority", _may_read))


@transaction.atomic
def ask_override(
    *,
    account_id: int,
    authority: str,
    file: tuple[str, Iterable[bytes]],
    reason: str,
    actor: Actor,
    as_of: datetime,
    address: str | None = None,
) -> Outcome:
    """The rule that bars the account shall not count for it, by the decision of that authority (a name and an office).

    `file`: the decision in writing, its name and content. A second person decides. Raises NotBarred, NotSigned, and
    what core.approvals.submit and keeping a file raise.
    """
    account = _account(account_id)
    barred = reads.of(account, on=local_date(as_of))
    if barred is None:
        raise NotBarred()
    if not authority.strip():
        raise NotSigned()
    name, chunks = file
    kept = files.keep(
        kind=DOCUMENT.code, name=name, chunks=chunks, owner_ref=actor.ref, actor=actor, as_of=as_of
    )
    files.use(upload_id=kept.pk, subject=account.number, as_of=as_of)
    return approvals.submit(
        kind=OVERRIDE,
        subject=("accounts.BillingAccount", account_id),
        amount_cents=0,
        data={"rule_id": barred.rule.pk, "authority": authority.strip()[:100], "document_id": kept.pk},
        reason=reason,
        actor=actor,
        as_of=as_of,
        address=address,
    )


def _account(account_id: int) -> BillingAccount:
    return BillingAccount.objects.select_related("customer").get(pk=account_id)


def _check_rule(data: Mapping[str, Any], as_of: datetime) -> None:
    begins, ends = date.fromisoformat(data["active_from"]), data["active_to"]
    is_in_order = begins > local_date(as_of) and (not ends or date.fromisoformat(ends) > begins)
    if not (is_in_order and 1 <= data["months"] <= MOST_MONTHS and 0 < len(data["text"]) <= 300):
        raise BadRule()


def _check_end(rule_id: int, ends_on: date, as_of: datetime) -> ReinstallRule:
    row = ReinstallRule.objects.filter(pk=rule_id).first()
    if row is None:
        raise NotFound()
    if ends_on <= max(local_date(as_of), row.active_from) or (row.active_to and row.active_to <= ends_on):
        raise BadRule()
    return row


def _never_alone(*, actor: Actor, subject_id: str, data: dict[str, Any], as_of: datetime) -> bool:
    return False


def _waiting(kind: str, subject_id: str) -> Approval:
    return Approval.objects.get(kind=kind, object_id=subject_id, state=ApprovalState.REQUESTED)


def _describe_rule(data: dict[str, Any]) -> str | Promise:
    return _("%(months)s 个月，%(begin)s 起：%(text)s") % {
        "months": data["months"],
        "begin": data["active_from"],
        "text": data["text"],
    }


@approvals.kind(
    RULE,
    title=gettext_lazy("复装限制"),
    permission=ASK_RULE,
    approve_permission=DECIDE_RULE,
    limit=lambda: 0,
    has_amount=False,
    may_alone=_never_alone,
    describe=_describe_rule,
)
def _make_rule(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    _check_rule(data, as_of)  # who decides late decides for a day that is still to come, or not at all
    ReinstallRule.objects.create(
        region_id=data["region_id"],
        months=data["months"],
        text=data["text"],
        active_from=date.fromisoformat(data["active_from"]),
        active_to=date.fromisoformat(data["active_to"]) if data["active_to"] else None,
        approval=_waiting(RULE, subject_id),
    )
    return _("复装限制已排定，到生效日起有效")


@approvals.kind(
    RULE_END,
    title=gettext_lazy("结束复装限制"),
    permission=ASK_RULE,
    approve_permission=DECIDE_RULE,
    limit=lambda: 0,
    has_amount=False,
    may_alone=_never_alone,
)
def _end_rule(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    row = _check_end(int(subject_id), date.fromisoformat(data["ends_on"]), as_of)
    row.active_to = date.fromisoformat(data["ends_on"])
    try:
        with transaction.atomic():
            row.save(update_fields=["active_to"])
    except IntegrityError as error:  # its last day is over since the check
        if violated(error) == "reinstall_rule_ends_in_future":
            raise BadRule() from error
        raise
    return _("复装限制到 %(day)s 为止") % {"day": data["ends_on"]}


@approvals.kind(
    OVERRIDE,
    title=gettext_lazy("复装限制豁免"),
    permission=ASK_OVERRIDE,
    approve_permission=DECIDE_OVERRIDE,
    limit=lambda: 0,
    has_amount=False,
    may_alone=_never_alone,
    check_person=own_accounts.checked(own_accounts.of_account_id),
    describe=lambda data: str(data["authority"]),
)
def _override(
    *, subject_id: str, amount_cents: int, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    barring = reads.all_of(_account(int(subject_id)), on=local_date(as_of))
    if all(each.rule.pk != data["rule_id"] for each in barring):
        raise AlreadyOverridden()
    ReinstallOverride.objects.create(
        account_id=int(subject_id),
        rule_id=data["rule_id"],
        authority=data["authority"],
        document_id=data["document_id"],
        reason=reason[:300],
        approval=_waiting(OVERRIDE, subject_id),
        actor=actor.ref,
        at=as_of,
    )
    return _("这个户号不再受这条规则限制")
