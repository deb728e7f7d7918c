"""Which rows of an account are evidence, and what of each can never change rightly once it is sealed.

A row that lives on (a delivery, a suspension) is sealed in parts: what it was born with at once, how it ended when it
has. What may still change by the rules is in no part, so that a part that differs was altered.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db import connection

from arrears import evidence_rules
from arrears.evidence_rules import Entry


@dataclass(frozen=True, slots=True)
class Part:
    """`joins` leads from the row `r` to the account `a`; `when` says from when on the part stands."""

    table: str
    columns: tuple[str, ...]
    joins: str = "JOIN accounts_billingaccount a ON a.id = r.account_id"
    name: str = ""
    near: str = ""  # what leads the planner to the rows of few accounts
    when: str = "true"
    jsons: tuple[str, ...] = ()  # columns that hold JSON
    keep: str = ""  # the rule of retention by which its rows go
    since: str = "NULL::date"  # the day from which that rule counts

    @property
    def key(self) -> tuple[str, str]:
        return self.table, self.name

    def select(self, *, is_fresh: bool) -> str:
        names = ", ".join(f'r."{each}"' for each in self.columns)
        jsons = "".join(f', r."{each}"::text' for each in self.jsons)
        return (
            f'SELECT a.id, r.id, {self.since}, {names}{jsons} FROM "{self.table}" r {self.joins}'
            f" WHERE a.id = ANY(%(ids)s::bigint[]) AND {self.when}{self.near}"
            f"{' AND ' + self._not_sealed if is_fresh else ''} ORDER BY a.id, r.id"
        )

    @property
    def unsealed(self) -> str:
        """The accounts with rows of which this part is not sealed yet."""
        return f'SELECT a.id FROM "{self.table}" r {self.joins} WHERE {self.when} AND {self._not_sealed}'

    @property
    def _not_sealed(self) -> str:
        return (
            "NOT EXISTS (SELECT FROM arrears_sealedrow s WHERE s.account_id = a.id AND s.row_id = r.id"
            f" AND s.table_name = '{self.table}' AND s.part = '{self.name}')"
        )


@dataclass(frozen=True, slots=True)
class Row:
    table: str
    part: str
    id: int
    since: str  # ISO date from which retention counts; empty: it is kept
    values: dict[str, Any]

    @property
    def name(self) -> tuple[str, str, int]:
        return self.table, self.part, self.id

    @property
    def digest(self) -> str:
        return evidence_rules.row_digest(self.table, self.part, self.id, self.values)

    @property
    def entry(self) -> Entry:
        return self.table, self.part, self.id, self.digest, self.since


_MESSAGE = "JOIN accounts_billingaccount a ON r.recipient_ref = 'account:' || a.number"
_OF_MESSAGE = "JOIN notices_message m ON m.id = {} " + _MESSAGE.replace("r.", "m.")
_DELIVERY = _OF_MESSAGE.format("r.message_id")
_RECEIPT = "JOIN notices_delivery d ON d.id = r.delivery_id " + _OF_MESSAGE.format("d.message_id")
_CASE = "JOIN arrears_arrearscase c ON c.id = r.case_id JOIN accounts_billingaccount a ON a.id = c.account_id"
# A line is evidence for who holds it and for who pays for it.
_LINE = (
    "JOIN catalog_subscription l ON l.id = r.subscription_id"
    " CROSS JOIN LATERAL (SELECT l.account_id AS id UNION SELECT l.payer_id) a"
)
_NEAR_LINE = " AND (l.account_id = ANY(%(ids)s::bigint[]) OR l.payer_id = ANY(%(ids)s::bigint[]))"
_PROOF = (
    "JOIN arrears_warrant w ON w.id = r.warrant_id JOIN arrears_arrearscase c ON c.id = w.case_id"
    " JOIN accounts_billingaccount a ON a.id = c.account_id"
)
_LIST = (
    "JOIN (SELECT DISTINCT d.letter_list_id, o.id FROM notices_delivery d"
    " JOIN notices_message m ON m.id = d.message_id"
    " JOIN accounts_billingaccount o ON m.recipient_ref = 'account:' || o.number"
    " WHERE d.letter_list_id IS NOT NULL) a ON a.letter_list_id = r.id"
)
_BILL = "JOIN billing_bill b ON b.id = r.bill_id JOIN accounts_billingaccount a ON a.id = b.account_id"
_ESCALATION = (
    "JOIN arrears_escalation e ON e.id = r.escalation_id"
    " JOIN accounts_billingaccount a ON a.id = e.account_id"
)
_MESSAGE_DAY = "(m.created_at AT TIME ZONE 'Asia/Shanghai')::date"

PARTS: tuple[Part, ...] = (
    Part(
        "notices_message",
        ("code", "recipient_ref", "language", "dedupe_key", "created_at"),
        _MESSAGE,
        jsons=("context",),
        keep="messages",
        since=_MESSAGE_DAY.replace("m.", "r."),
    ),
    Part(
        "notices_delivery",
        ("message_id", "channel", "address", "created_at", "instead_of_id"),
        _DELIVERY,
        keep="messages",
        since=_MESSAGE_DAY,
    ),
    Part(
        "notices_delivery", ("body",), _DELIVERY, "text", when="r.body <> ''", keep="messages", since=_MESSAGE_DAY
    ),
    Part(
        "notices_delivery",
        ("state", "provider", "provider_message_id", "sent_at", "delivered_at", "letter_list_id"),
        _DELIVERY,
        "end",
        when="r.state IN ('DELIVERED', 'EXPIRED')",
        keep="messages",
        since=_MESSAGE_DAY,
    ),
    Part(
        "notices_delivery",
        ("failure",),
        _DELIVERY,
        "returned",
        when="r.state = 'DELIVERED' AND r.failure = 'HARD'",
        keep="messages",
        since=_MESSAGE_DAY,
    ),
    Part(
        "notices_deliveryreceipt",
        ("delivery_id", "provider", "provider_message_id", "status", "reported_at", "received_at", "raw"),
        _RECEIPT,
        when="r.is_verified",
        keep="messages",
        since=_MESSAGE_DAY,
    ),
    Part(
        "notices_letterlist",
        ("number", "posted_on", "proof_id", "posted_by"),
        _LIST,
        when="r.posted_on IS NOT NULL",
    ),
    Part("arrears_arrearscase", ("number", "account_id", "opened_at")),
    Part(
        "arrears_arrearscase",
        ("closed_at", "close_reason", "highest_stage"),
        name="end",
        when="r.closed_at IS NOT NULL",
    ),
    Part(
        "arrears_stagechange",
        (
            "case_id", "from_stage", "to_stage", "on", "at", "actor", "reason", "owed_cents", "earliest_due_on",
            "policy_id",
        ),
        _CASE,
    ),
    Part(
        "arrears_casenotice",
        ("case_id", "rule_id", "stage", "contact_ref", "message_id", "told_on", "created_at"),
        _CASE,
    ),
    Part(
        "catalog_suspension",
        ("subscription_id", "reason", "begins_on", "opened_at", "opened_by"),
        _LINE,
        near=_NEAR_LINE,
    ),
    Part(
        "catalog_suspension",
        ("ends_on", "closed_at", "closed_by"),
        _LINE,
        name="end",
        when="r.ends_on IS NOT NULL",
        near=_NEAR_LINE,
    ),
    Part(
        "catalog_termination",
        ("subscription_id", "reason", "slip_id", "document_id", "notice_id", "suspension_id", "actor", "at"),
        _LINE,
        near=_NEAR_LINE,
    ),
    Part(
        "arrears_warrant",
        (
            "subscription_id", "suspension_id", "case_id", "plan_id", "first_approver_id", "second_approver_id",
            "judged_on", "owed_cents", "actor", "at",
        ),
        _CASE,
    ),
    Part("arrears_warrantproof", ("warrant_id", "contact_ref", "delivery_id"), _PROOF),
    Part("arrears_promise", ("number", "account_id", "slip_id", "promised_on", "until", "owed_cents")),
    Part("arrears_promise", ("state", "ended_at"), name="end", when="r.state <> 'OPEN'"),
    Part("arrears_exemption", ("account_id", "reason", "note", "active_from", "created_by")),
    Part(
        "arrears_exemption",
        ("active_to", "approval_id"),
        name="end",
        when="r.active_to <= %(today)s",
    ),
    Part(
        "billing_dispute",
        ("number", "bill_id", "cause", "text", "raised_by_id", "created_at", "promised_on"),
        _BILL,
    ),
    Part(
        "billing_dispute",
        ("state", "answer", "closed_at"),
        _BILL,
        "end",
        when="r.state <> 'OPEN'",
    ),
    Part(
        "operations_slip",
        (
            "number", "operation", "operation_version", "state", "channel", "quote_digest", "price_cents",
            "refusal_code", "started_at", "confirmed_at", "finished_at",
        ),
        "JOIN accounts_billingaccount a ON a.customer_id = r.customer_id",
        when="r.finished_at IS NOT NULL",
        keep="slips",
        since="(r.started_at AT TIME ZONE 'Asia/Shanghai')::date",
    ),
    Part(
        "billing_ledgerentry",
        (
            "account_id", "kind", "amount_cents", "bill_id", "receipt_id", "refund_id", "adjustment_id",
            "transfer_id", "at",
        ),
    ),
    Part(
        "arrears_escalation",
        ("number", "account_id", "subscription_id", "warrant_id", "source", "text", "opened_at", "due_on"),
    ),
    Part(
        "arrears_escalationhistory",
        ("escalation_id", "from_state", "to_state", "owner", "actor", "reason", "at"),
        _ESCALATION,
    ),
    Part("arrears_escalationpack", ("escalation_id", "digest", "made_at", "content"), _ESCALATION),
)  # fmt: skip


def of(account_ids: Collection[int], *, today: date, is_fresh: bool = False) -> defaultdict[int, list[Row]]:
    """All parts that stand on that day, or those not sealed yet, by account, in the order of tables above and ids."""
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for part in PARTS:
        for account_id, row in _read(part, account_ids, today, is_fresh):
            found[account_id].append(row)
    return found


def unsealed(*, today: date) -> list[int]:
    """The accounts that have something to seal, by id."""
    sql = " UNION ".join(f"({part.unsealed})" for part in PARTS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM ({sql}) found ORDER BY id", {"today": today})
        return [account_id for (account_id,) in cursor.fetchall()]


def is_purged(table: str, since: str, *, today: date) -> bool:
    """Whether a row that is gone went by the rule of retention; a day of grace for clocks and nights."""
    rule = next((part.keep for part in PARTS if part.table == table), "")
    days = settings.KEEP_DAYS.get(rule, 0) if rule else 0
    return bool(days and since and (today - date.fromisoformat(since)).days >= days - 1)


def _read(part: Part, account_ids: Collection[int], today: date, is_fresh: bool) -> Iterator[tuple[int, Row]]:
    names = (*part.columns, *part.jsons)
    with connection.cursor() as cursor:
        cursor.execute(part.select(is_fresh=is_fresh), {"ids": sorted(account_ids), "today": today})
        for account_id, row_id, since, *given in cursor.fetchall():
            values = _values(names, given, len(part.columns))
            day = since.isoformat() if since else ""
            yield account_id, Row(part.table, part.name, row_id, day, values)


def _values(names: Sequence[str], given: Sequence[Any], plain: int) -> dict[str, Any]:
    kept = [evidence_rules.plain(value) for value in given[:plain]]
    return dict(zip(names, (*kept, *map(json.loads, given[plain:])), strict=True))
