"""What the rules need to know of accounts, read set-wise: a chunk or one account costs the same few statements."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from arrears.choices import CloseReason, Hold, Stage
from arrears.proofs import ADDRESS_HOLDS, IS_DEAD, IS_MOBILE, IS_PROOF, REF
from arrears.rule_facts import POST, Facts, Reach, Told
from arrears.rules import MOST_IN_FLIGHT_DAYS
from core import arrays
from core.clock import local_date
from notices.models import Channel

# A payment that no gateway has decided by then holds nothing under any policy: somebody looks at it.
IN_FLIGHT = timedelta(days=MOST_IN_FLIGHT_DAYS)


@dataclass(frozen=True, slots=True)
class Subject:
    """An account with its facts, and what writing needs beside them."""

    facts: Facts
    number: str
    region_id: int | None
    customer_kind: str
    case_id: int | None
    case_number: str
    case_policy_id: int | None
    promise_id: int | None
    promised_on: date | None
    promise_until: date | None
    post: str  # name and lines of address; empty: none
    row: tuple[Any, ...]  # as it was read, to see whether anything was written since
    old_letters: int = 0  # of this case, to an address that has changed since: they told nobody

    @property
    def account_id(self) -> int:
        return self.facts.account_id


def of(account_ids: Collection[int], *, as_of: datetime) -> dict[int, Subject]:
    """These accounts as they are now, in arrears or not; without those that do not exist or hold money in suspense."""
    ids = sorted(set(account_ids))
    if not ids:
        return {}
    return {each.account_id: each for each in _read(_THESE, {"ids": arrays.ints(ids)}, as_of, everybody=True)}


def again(subjects: Collection[Subject], *, as_of: datetime) -> list[Subject]:
    """The same accounts as they are now, behind their locks: where nothing was written since, the very same objects.

    What was paid, decided or stepped meanwhile is seen. Contacts and receipts of the moment before are good enough:
    they are written without the account's lock, and would be as old had the pass begun a second earlier.
    """
    before = {each.account_id: each for each in subjects}
    rows = _base(_THESE, {"ids": arrays.ints(before)}, as_of, everybody=True)
    same = {row[0] for row in rows if row == before[row[0]].row}
    others = of(before.keys() - same, as_of=as_of)
    return [before[row[0]] if row[0] in same else others[row[0]] for row in rows]


def between(
    low: int, high: int, *, days_ahead: int, as_of: datetime, stages: Collection[Stage] | None = None
) -> dict[int, Subject]:
    """Those with ids in `(low, high]` that have an open case, or a bill due within so many days or before.

    `stages`: only those whose case is in one of these.
    """
    values: dict[str, Any] = {"low": low, "high": high, "days_ahead": days_ahead}
    where = _RANGE
    if stages is not None:
        found = _rows(_IN_STAGES, values | {"stages": arrays.texts(stages)})
        if not found:
            return {}
        where, values["ids"] = _THESE, arrays.ints(row[0] for row in found)
    return {each.account_id: each for each in _read(where, values, as_of, everybody=False)}


_THESE = "= ANY(%(ids)s::bigint[])"
_RANGE = "BETWEEN %(low)s + 1 AND %(high)s"
_IN_STAGES = """
    SELECT account_id FROM arrears_arrearscase
     WHERE closed_at IS NULL AND stage = ANY(%(stages)s::text[]) AND account_id BETWEEN %(low)s + 1 AND %(high)s"""


# Credit pays the oldest bills first: the earliest unpaid one is the first that it does not cover. What is disputed does
# not count, and no order's bill does: nothing was delivered for it yet.
_FACTS = """
    WITH open_bill AS MATERIALIZED (
        SELECT b.account_id, b.due_on, b.id, b.open_cents, d.promised_on,
               d.id IS NULL AND b.kind <> 'ORDER' AS counts
          FROM billing_bill b LEFT JOIN billing_dispute d ON d.bill_id = b.id AND d.state = 'OPEN'
         WHERE b.account_id {where} AND b.open_cents > 0
    ), owed AS (
        SELECT account_id, coalesce(sum(open_cents) FILTER (WHERE counts), 0) AS cents, sum(open_cents) AS all_cents,
               min(due_on) FILTER (WHERE counts) AS due_on, max(promised_on) AS disputed_until,
               bool_or(promised_on IS NOT NULL) AS is_disputed
          FROM open_bill GROUP BY account_id
    ), net AS (
        SELECT owed.*, greatest(0, coalesce(balance.balance_cents, 0) + all_cents) AS credit
          FROM owed LEFT JOIN billing_accountbalance balance USING (account_id)
    )
    SELECT account.id, account.number, account.region_id, customer.kind,
           (coalesce(net.cents, 0) - coalesce(net.credit, 0))::bigint,
           CASE WHEN net.credit > 0 THEN
                (SELECT min(due_on) FROM (
                    SELECT due_on, sum(open_cents) OVER (ORDER BY due_on, id) AS up_to FROM open_bill
                     WHERE open_bill.account_id = account.id AND counts) running WHERE up_to > net.credit)
                ELSE net.due_on END,
           net.disputed_until, coalesce(net.is_disputed, false), standing.credit_days,
           c.id, c.number, c.policy_id, c.stage, c.stage_since, c.opened_at,
           promise.id, promise.promised_on, promise.until, exemption.until, payment.until,
           CASE WHEN coalesce(nullif(account.post_address, ''), account.address) <> ''
                THEN customer.name || E'\\n' || coalesce(nullif(account.post_address, ''), account.address)
                ELSE '' END,
           step.suspended_on, step.entered_due_on, payment.days,
           line.payer_id IS NOT NULL
      FROM accounts_billingaccount account
      JOIN accounts_customer customer ON customer.id = account.customer_id
      LEFT JOIN net ON net.account_id = account.id
      LEFT JOIN arrears_arrearscase c ON c.account_id = account.id AND c.closed_at IS NULL
      LEFT JOIN LATERAL (SELECT max("on") FILTER (WHERE to_stage = 'SUSPENDED') AS suspended_on,
                                (array_agg(earliest_due_on ORDER BY id DESC))[1] AS entered_due_on
                           FROM arrears_stagechange WHERE case_id = c.id) step ON c.id IS NOT NULL
      LEFT JOIN arrears_promise promise ON promise.account_id = account.id AND promise.state = 'OPEN'
      LEFT JOIN (SELECT customer_id, credit_days FROM accounts_standing
                  WHERE credit_days > 0 AND active_from <= %(today)s AND (active_to IS NULL OR active_to > %(today)s))
                standing ON standing.customer_id = account.customer_id
      LEFT JOIN (SELECT account_id, max(active_to - 1) AS until FROM arrears_exemption
                  WHERE account_id {where} AND active_from <= %(today)s AND active_to > %(today)s GROUP BY account_id)
                exemption ON exemption.account_id = account.id
      LEFT JOIN (SELECT account_id, max(expires_at) AS until,
                         floor(extract(epoch FROM %(as_of)s - max(created_at)) / 86400)::int AS days
                    FROM billing_payment
                  WHERE account_id {where} AND state IN ('CREATED', 'PENDING', 'UNKNOWN')
                    AND created_at > %(oldest)s GROUP BY account_id)
                payment ON payment.account_id = account.id
      LEFT JOIN (SELECT DISTINCT payer_id FROM catalog_subscription WHERE payer_id {where} AND state = 'ACTIVE')
                line ON line.payer_id = account.id
     WHERE account.id {where} AND account.purpose = 'CUSTOMER'
       AND (%(everybody)s OR c.id IS NOT NULL OR promise.id IS NOT NULL OR net.due_on <= %(today)s + %(days_ahead)s)
     ORDER BY account.id"""
# What was left with us, by who pays and by those for whom he pays; and a line itself takes SMS when its number is one
# of a mobile telephone.
_CONTACTS = f"""
    SELECT account_id, kind, value, id, false, '' FROM accounts_contact WHERE account_id = ANY(%(ids)s::bigint[])
     UNION ALL
    SELECT DISTINCT s.payer_id, k.kind, k.value, k.id, false, member.number FROM catalog_subscription s
      JOIN accounts_contact k ON k.account_id = s.account_id
      JOIN accounts_billingaccount member ON member.id = s.account_id
     WHERE s.payer_id = ANY(%(ids)s::bigint[]) AND s.account_id <> s.payer_id AND s.state = 'ACTIVE'
     UNION ALL
    SELECT DISTINCT payer_id, '', service_number, NULL::bigint, true, CASE WHEN account_id = payer_id THEN '' ELSE (
           SELECT number FROM accounts_billingaccount member WHERE member.id = account_id) END
      FROM catalog_subscription
     WHERE payer_id = ANY(%(ids)s::bigint[]) AND state = 'ACTIVE' AND {IS_MOBILE}
     ORDER BY 5, 6, 4, 3"""
_TOLD = f"""
    SELECT n.case_id, n.rule_id, rule.template_code, {REF}, n.told_on,
           n.message_id, rule.needed_for <> ''
      FROM arrears_casenotice n JOIN arrears_policynotice rule ON rule.id = n.rule_id
     WHERE n.case_id = ANY(%s::bigint[]) ORDER BY n.id"""
# As the law of disconnection sees them. A dead address is one that failed for good and proves nothing.
_DELIVERIES = f"""
    SELECT message_id, min(coalesce(sent_at, delivered_at)) FILTER (WHERE holds),
           min(delivered_at) FILTER (WHERE is_proof), bool_or(is_dead) AND NOT bool_or(is_proof), bool_or(holds)
      FROM (SELECT d.message_id, d.sent_at, d.delivered_at, {IS_DEAD} AS is_dead, {ADDRESS_HOLDS} AS holds,
                   {IS_PROOF} AS is_proof
              FROM notices_delivery d JOIN arrears_casenotice n ON n.message_id = d.message_id
             WHERE d.message_id = ANY(%s::bigint[]) AND d.channel <> 'INBOX') each
     GROUP BY message_id"""
# Where a message was first sent, and for whom: as `Reach` has both.
_FIRST_SENT = """
    SELECT DISTINCT ON (m.id) m.id, d.address,
           CASE WHEN m.recipient_ref = 'account:' || payer.number THEN '' ELSE substr(m.recipient_ref, 9) END
      FROM notices_message m JOIN notices_delivery d ON d.message_id = m.id AND d.channel <> 'INBOX'
      JOIN arrears_casenotice n ON n.message_id = m.id JOIN arrears_arrearscase c ON c.id = n.case_id
      JOIN accounts_billingaccount payer ON payer.id = c.account_id
     WHERE m.id = ANY(%s::bigint[]) ORDER BY m.id, d.id"""
# Why nothing is owed any more: given up or taken off since the case began, and nothing paid meanwhile.
_RELIEFS = """
    SELECT c.account_id, bool_or(w.id IS NOT NULL) FROM arrears_arrearscase c
      JOIN billing_bill b ON b.account_id = c.account_id
      JOIN billing_adjustment a ON a.bill_id = b.id AND a.at >= c.opened_at
      LEFT JOIN arrears_writeoff w ON w.bill_id = b.id
     WHERE c.id = ANY(%s::bigint[])
       AND NOT EXISTS (SELECT FROM billing_receipt r WHERE r.account_id = c.account_id AND r.paid_at >= c.opened_at)
     GROUP BY c.account_id"""


def _rows(sql: str, values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _base(where: str, values: dict[str, Any], as_of: datetime, *, everybody: bool) -> list[tuple[Any, ...]]:
    given: dict[str, Any] = {"days_ahead": 0} | values
    given |= {"today": local_date(as_of), "everybody": everybody, "as_of": as_of, "oldest": as_of - IN_FLIGHT}
    return _rows(_FACTS.format(where=where), given)


def _read(where: str, values: dict[str, Any], as_of: datetime, *, everybody: bool) -> Iterator[Subject]:
    rows = _base(where, values, as_of, everybody=everybody)
    reach = contacts([row[0] for row in rows])
    told, old = _told({row[9]: row[0] for row in rows if row[9]}, reach)
    settled = [row[9] for row in rows if row[9] and row[4] <= 0]
    reliefs = dict(_rows(_RELIEFS, [settled])) if settled else {}
    today = local_date(as_of)
    for row in rows:
        yield _subject(row, reach[row[0]], told[row[9]], old[row[9]], reliefs, today)


def contacts(account_ids: Collection[int]) -> defaultdict[int, tuple[Reach, ...]]:
    """All live contacts by who pays: what was left with us, and the lines themselves that take SMS.

    Also those of whom he pays for, after his own. Nobody is told twice at one address because he pays for himself.
    """
    found: defaultdict[int, list[Reach]] = defaultdict(list)
    rows = _rows(_CONTACTS, {"ids": arrays.ints(account_ids)})
    for account_id, kind, value, contact_id, is_line, member in sorted(
        rows, key=lambda row: (row[5] != "", row[4])
    ):
        known = found[account_id]
        address = f"+86{value[-11:]}" if is_line else value
        if (member or is_line) and any(
            each.address == address for each in known if is_line or not each.member
        ):
            continue
        if is_line:
            known.append(Reach(f"service:{value}", Channel.SMS, address, member=member))
        else:
            channel = Channel.SMS if kind == "PHONE" else Channel.EMAIL
            known.append(Reach(f"contact:{contact_id}", channel, value, contact_id, member))
    return defaultdict(tuple, {key: tuple(each) for key, each in found.items()})


def _told(
    accounts: dict[int, int], reach: Mapping[int, tuple[Reach, ...]]
) -> tuple[defaultdict[int | None, tuple[Told, ...]], Counter[int | None]]:
    """By case (`accounts`: whose it is) what it was told, and how many letters went to an address of before."""
    rows = _rows(_TOLD, [arrays.ints(accounts)]) if accounts else []
    again = _left_again(rows, accounts, reach)
    messages = [row[5] for row in rows if row[6]]
    proofs = {row[0]: row[1:] for row in _rows(_DELIVERIES, [arrays.ints(messages)])} if messages else {}
    found: defaultdict[int | None, list[Told]] = defaultdict(list)
    old: Counter[int | None] = Counter()
    for case_id, rule_id, code, ref, on, message_id, _is_needed in rows:
        sent_at, delivered_at, is_hard, holds = proofs.get(message_id, (None, None, False, True))
        if ref == POST and not holds:
            old[case_id] += 1
            continue
        ref = again.get((case_id, message_id), ref)
        found[case_id].append(Told(rule_id, code, ref, on, _day(sent_at), _day(delivered_at), bool(is_hard)))
    return defaultdict(tuple, {key: tuple(each) for key, each in found.items()}), old


def _left_again(
    rows: list[tuple[Any, ...]], accounts: dict[int, int], reach: Mapping[int, tuple[Reach, ...]]
) -> dict[tuple[int, int], str]:
    """By case and message: the contact that was told, where it was removed since and is there once more.

    The same people's: what who pays was told at that address tells a member nothing, nor the other way round.
    """
    live = {(account_id, each.ref) for account_id, found in reach.items() for each in found}
    gone = [row for row in rows if row[3].startswith("contact:") and (accounts[row[0]], row[3]) not in live]
    if not gone:
        return {}
    first = {
        message_id: sent for message_id, *sent in _rows(_FIRST_SENT, [arrays.ints(row[5] for row in gone)])
    }
    return {
        (case_id, message_id): each.ref
        for case_id, *_rest, message_id, _is_needed in gone
        for each in reach[accounts[case_id]]
        if each.contact_id and [each.address, each.member] == first.get(message_id)
    }


def _subject(
    row: tuple[Any, ...],
    reach: tuple[Reach, ...],
    told: tuple[Told, ...],
    old_letters: int,
    reliefs: dict[int, bool],
    today: date,
) -> Subject:
    (account_id, number, region_id, kind, cents, due_on, disputed_until, is_disputed, credit_days,
     case_id, case_number, policy_id, stage, since, _opened_at,
     promise_id, promised_on, promise_until, exempt_until, paying_until, post,
     suspended_on, entered_due_on, paying_days, has_lines) = row  # fmt: skip
    holds = []
    if is_disputed:
        holds.append((Hold.DISPUTE, disputed_until))
    if promise_id and promise_until >= today:
        holds.append((Hold.PROMISE, promise_until))
    if exempt_until:
        holds.append((Hold.EXEMPTION, exempt_until))
    if paying_until:
        holds.append((Hold.IN_FLIGHT, local_date(paying_until)))
    facts = Facts(
        account_id=account_id,
        owed_cents=cents if due_on else min(cents, 0),
        due_on=due_on,
        stage=Stage(stage or Stage.NONE),
        since=since,
        suspended_on=suspended_on,
        entered_due_on=entered_due_on,
        credit_days=credit_days or 0,
        contacts=reach,
        has_post=bool(post),
        has_lines=has_lines,
        told=told,
        holds=tuple(holds),
        relief=_relief(is_disputed, reliefs.get(account_id)),
        paying_days=max(0, paying_days or 0),
    )
    return Subject(
        facts, number, region_id, kind, case_id, case_number or "", policy_id, promise_id, promised_on,
        promise_until, post, row, old_letters,
    )  # fmt: skip


def _relief(is_disputed: bool, is_written_off: bool | None) -> CloseReason:
    if is_disputed:
        return CloseReason.DISPUTED
    if is_written_off is None:
        return CloseReason.PAID
    return CloseReason.WRITTEN_OFF if is_written_off else CloseReason.ADJUSTED


def _day(at: datetime | None) -> date | None:
    return local_date(at) if at else None
