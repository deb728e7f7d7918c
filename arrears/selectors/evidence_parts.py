"""Which rows of an account are evidence, and what of each can never change rightly once it is sealed.

A row that lives on (a delivery, a suspension) is sealed in parts: what it was born with at once, how it ended when it
has. What may still change by the rules is in no sealed part, so that a part that differs was altered.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """`joins` leads from the row `r` to the account `a`; `when`, of `r` alone, says from when on the part stands."""

    table: str
    columns: tuple[str, ...]
    joins: str = "JOIN accounts_billingaccount a ON a.id = r.account_id"
    name: str = ""
    near: str = ""  # what leads the planner to the rows of few accounts
    when: str = "true"
    jsons: tuple[str, ...] = ()  # columns that hold JSON
    keep: str = ""  # the rule of retention by which its rows go
    since: str = "NULL::date"  # the day from which that rule counts
    moved_by: tuple[str, ...] = (
        "r",
    )  # the rows whose writing makes the part stand, or belong to another account
    dated: str = ""  # the column of the day on which it comes to stand without anything being written
    is_sealed: bool = True  # not: as it is now, only shown in packs

    @property
    def key(self) -> tuple[str, str]:
        return self.table, self.name

    @property
    def names(self) -> tuple[str, ...]:
        return *self.columns, *self.jsons

    def select(self, *, is_fresh: bool) -> str:
        """The rows of accounts `ids`: account, id, day of retention, columns; those not sealed yet, or all."""
        return (
            f"SELECT DISTINCT ON (a.id, r.id) a.id, r.id, {self.since}, {self._columns}"
            f' FROM "{self.table}" r {self.joins}'
            f" WHERE a.id = ANY(%(ids)s::bigint[]) AND {self.when}{self.near}"
            f"{' AND ' + self._not_sealed if is_fresh else ''} ORDER BY a.id, r.id"
        )

    @property
    def select_by_id(self) -> str:
        """The rows `ids`, whosever they are by now: id, columns."""
        return (
            f'SELECT r.id, {self._columns} FROM "{self.table}" r'
            f" WHERE r.id = ANY(%(ids)s::bigint[]) AND {self.when}"
        )

    @property
    def unsealed(self) -> str:
        """The accounts with rows of which this part is not sealed yet."""
        return f'SELECT a.id FROM "{self.table}" r {self.joins} WHERE {self.when} AND {self._not_sealed}'

    @property
    def written(self) -> Sequence[str]:
        """The accounts with rows written since the transaction `floor`: its age, and all that is younger.

        A range of both sides, because the planner takes it for a small part of the table. Also those whose day came
        after `last`.
        """
        rows = f'SELECT a.id FROM "{self.table}" r {self.joins} WHERE'
        found = [
            f"{rows} age({each}.xmin) BETWEEN -2147483648 AND age(%(floor)s::xid)" for each in self.moved_by
        ]
        if self.dated:
            found.append(f"{rows} r.{self.dated} > %(last)s AND r.{self.dated} <= %(today)s")
        return found

    @property
    def missed(self) -> str:
        """The accounts with rows of before the transaction `floor` of which this part is not sealed."""
        before = [f"age({each}.xmin) > age(%(floor)s::xid)" for each in self.moved_by]
        if self.dated:
            before.append(f"r.{self.dated} <= %(last)s")
        return f"{self.unsealed} AND {' AND '.join(before)}"

    @property
    def _columns(self) -> str:
        return ", ".join(
            [*(f'r."{each}"' for each in self.columns), *(f'r."{each}"::text' for each in self.jsons)]
        )

    @property
    def _not_sealed(self) -> str:
        return (
            "NOT EXISTS (SELECT FROM arrears_sealedrow s WHERE s.account_id = a.id AND s.row_id = r.id"
            f" AND s.table_name = '{self.table}' AND s.part = '{self.name}')"
        )


_MESSAGE = "JOIN accounts_billingaccount a ON r.recipient_ref = 'account:' || a.number"
_OF_MESSAGE = "JOIN notices_message m ON m.id = {} " + _MESSAGE.replace("r.", "m.")
_DELIVERY = _OF_MESSAGE.format("r.message_id")
_RECEIPT = "JOIN notices_delivery d ON d.id = r.delivery_id " + _OF_MESSAGE.format("d.message_id")
_CASE = "JOIN arrears_arrearscase c ON c.id = r.case_id JOIN accounts_billingaccount a ON a.id = c.account_id"
# A line is evidence for who holds it and for who pays for it.
_BY_LINE = ("r", "l")
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
_OF_RECEIPT = (
    "JOIN billing_receipt k ON k.id = r.receipt_id JOIN accounts_billingaccount a ON a.id = k.account_id"
)
_IN_PLAN = " JOIN arrears_planline p ON p.plan_id = {} " + _LINE.replace("r.", "p.")
_PLAN, _PLAN_YES = _IN_PLAN.format("r.id"), _IN_PLAN.format("r.plan_id")
_BY_PLAN = ("r", "p", "l")
# Who asked for an exemption, a write-off or leave from a rule, and who decided.
_ASKED = (
    "JOIN (SELECT x.approval_id, x.account_id AS id, x.xmin FROM arrears_exemption x"
    " UNION ALL SELECT w.approval_id, b.account_id, w.xmin FROM arrears_writeoff w"
    " JOIN billing_bill b ON b.id = w.bill_id"
    " UNION ALL SELECT o.approval_id, o.account_id, o.xmin FROM arrears_reinstalloverride o) a ON a.approval_id = r.id"
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
        "notices_deliveryreceipt",
        ("provider", "provider_message_id", "status", "received_at", "raw"),
        _RECEIPT,
        "refused",
        when="NOT r.is_verified",
        is_sealed=False,
    ),
    Part(
        "notices_delivery",
        ("channel", "state", "attempts", "error", "failure", "sent_at"),
        _DELIVERY,
        "now",
        when="r.state NOT IN ('DELIVERED', 'EXPIRED')",
        is_sealed=False,
    ),
    Part(
        "notices_deliveryattempt",
        ("delivery_id", "number", "at", "provider", "error"),
        _RECEIPT,
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
        moved_by=_BY_LINE,
    ),
    Part(
        "catalog_suspension",
        ("ends_on", "closed_at", "closed_by"),
        _LINE,
        name="end",
        when="r.ends_on IS NOT NULL",
        near=_NEAR_LINE,
        moved_by=_BY_LINE,
    ),
    Part(
        "catalog_termination",
        ("subscription_id", "reason", "slip_id", "document_id", "notice_id", "suspension_id", "actor", "at"),
        _LINE,
        near=_NEAR_LINE,
        moved_by=_BY_LINE,
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
    Part(
        "arrears_disconnectplan",
        ("number", "region_id", "planned_on", "digest", "lines_count", "cap", "made_by_id", "created_at"),
        _PLAN,
        near=_NEAR_LINE,
        moved_by=_BY_PLAN,
    ),
    Part(
        "arrears_planapproval", ("plan_id", "user_id", "reason", "at"), _PLAN_YES, near=_NEAR_LINE, moved_by=_BY_PLAN
    ),
    Part(
        "arrears_planline",
        ("plan_id", "subscription_id", "state", "done_at"),
        _LINE,
        when="r.state IN ('DONE', 'REFUSED')",
        jsons=("refusals",),
        near=_NEAR_LINE,
        moved_by=_BY_LINE,
    ),
    Part("arrears_promise", ("number", "account_id", "slip_id", "promised_on", "until", "owed_cents")),
    Part("arrears_promise", ("state", "ended_at"), name="end", when="r.state <> 'OPEN'"),
    Part("arrears_exemption", ("account_id", "reason", "note", "active_from", "created_by")),
    Part(
        "arrears_exemption",
        ("active_to", "approval_id"),
        name="end",
        when="r.active_to <= %(today)s",
        dated="active_to",
    ),
    Part(
        "core_approval",
        (
            "kind", "object_type", "object_id", "amount_cents", "reason", "requested_by", "requested_at", "state",
            "decided_by", "decided_at", "decision_reason",
        ),
        _ASKED,
        moved_by=("r", "a"),
        when="r.state <> 'REQUESTED'",
    ),
    Part("arrears_writeoff", ("bill_id", "amount_cents", "approval_id", "reason", "actor", "at"), _BILL),
    Part(
        "arrears_reinstalloverride",
        ("account_id", "rule_id", "authority", "document_id", "reason", "approval_id", "actor", "at"),
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
        moved_by=("r", "a"),
        when="r.finished_at IS NOT NULL",
        keep="slips",
        since="(r.started_at AT TIME ZONE 'Asia/Shanghai')::date",
    ),
    Part(
        "billing_bill",
        (
            "number", "account_id", "kind", "issued_on", "due_on", "total_cents", "penalty_of_id", "source",
            "source_number",
        ),
    ),
    Part(
        "billing_receipt",
        ("number", "gateway", "trade_no", "payment_id", "amount_cents", "paid_at", "booked_at"),
    ),
    Part("billing_allocation", ("receipt_id", "bill_id", "amount_cents", "effective_on", "at"), _BILL),
    Part("billing_adjustment", ("number", "bill_id", "amount_cents", "reason", "actor", "at"), _BILL),
    Part("billing_penaltywaiver", ("bill_id", "amount_cents", "reason", "actor", "at"), _BILL),
    Part(
        "billing_refund", ("receipt_id", "request_no", "amount_cents", "refunded_at", "booked_at"), _OF_RECEIPT,
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
