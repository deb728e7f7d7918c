"""Laws of disconnection: what `disconnect_rules` asks of the facts, asked of the rows by the database itself.

They lock the account of who pays first, as the services do: a payment or a contact that comes in the same second is
there before, and is seen, or comes after. What they cannot know is whether the person behind an approval, or the
gateway behind a verified receipt, is who he says: see docs/security.md.
"""

from collections.abc import Mapping
from typing import Any

import pgtrigger

from arrears.choices import Stage
from arrears.disconnect_rules import LATE_DAYS, SUSPENDED_DAYS, Missing, Unproven
from arrears.proofs import ARRIVED_ON, IS_DEAD, IS_MOBILE, IS_PROOF, REF
from arrears.rules import FAMILY_TEXTS
from core.db import Law, refuse
from operations.laws import CODE

# Deliveries of the disconnection notice in the open case, with whether they prove that it arrived: to who pays, or in
# other words to somebody for whom he pays. A contact that was left again is the one that was told.
NOTICES = f"""
    SELECT c.account_id, coalesce((SELECT 'contact:' || min(k.id) FROM accounts_contact k
                                    WHERE k.account_id = a.id AND k.value = d.address
                                      AND starts_with(n.contact_ref, 'contact:')), {REF}) AS ref,
           d.id AS delivery_id, d.message_id, rule.needed_days,
           {ARRIVED_ON} AS delivered_on,
           {IS_DEAD} AS is_hard,
           {IS_PROOF} AS is_proof
      FROM arrears_arrearscase c
      JOIN arrears_casenotice n ON n.case_id = c.id
      JOIN arrears_policynotice rule ON rule.id = n.rule_id AND rule.needed_for = 'DISCONNECTED'
      JOIN notices_message m ON m.id = n.message_id AND starts_with(m.recipient_ref, 'account:')
      JOIN accounts_billingaccount a ON a.number = substr(m.recipient_ref, 9)
       AND CASE WHEN a.id = c.account_id THEN m.code = rule.template_code
                ELSE m.code = '{FAMILY_TEXTS[Stage.DISCONNECT_WARNED]}' AND EXISTS (SELECT FROM catalog_subscription s
                      WHERE s.payer_id = c.account_id AND s.account_id = a.id) END
      JOIN notices_delivery d ON d.message_id = n.message_id AND d.channel <> 'INBOX'
     WHERE c.closed_at IS NULL"""
# Who pays, and whose lines he pays.
_FAMILY = """(SELECT payer UNION
              SELECT s.account_id FROM catalog_subscription s WHERE s.payer_id = payer AND s.state = 'ACTIVE')"""
# Live contacts, as `selectors.facts.contacts` finds them: at an address of who pays, contact or line, he is told.
_MOBILE = f"s.{IS_MOBILE}"
_REFS = f"""
    SELECT 'contact:' || k.id AS ref, k.account_id = payer AS is_own FROM accounts_contact k
     WHERE k.account_id IN {_FAMILY} AND (k.account_id = payer OR NOT EXISTS (
           SELECT FROM accounts_contact own WHERE own.account_id = payer AND own.value = k.value) AND NOT EXISTS (
           SELECT FROM catalog_subscription s WHERE s.payer_id = payer AND s.account_id = payer
              AND s.state = 'ACTIVE' AND {_MOBILE} AND k.value = '+86' || right(s.service_number, 11)))
    UNION ALL
    SELECT 'service:' || min(s.service_number), bool_or(s.account_id = payer) FROM catalog_subscription s
     WHERE s.payer_id = payer AND s.state = 'ACTIVE' AND {_MOBILE} AND NOT EXISTS (
           SELECT FROM accounts_contact k
            WHERE (k.account_id = payer OR s.account_id <> payer AND k.account_id IN {_FAMILY})
              AND k.value = '+86' || right(s.service_number, 11))
     GROUP BY right(s.service_number, 11)"""
# An escalation `e` that stops a cut: not answered, and not a customer's second one about what he was answered in the
# open case of `{payer}`. That one has its answer, too, but the line does not wait for it.
STOPS = """e.state NOT IN ('ANSWERED', 'CLOSED') AND (e.source <> 'CUSTOMER' OR NOT EXISTS (
            SELECT FROM arrears_escalation b
              JOIN arrears_arrearscase c ON c.account_id = {payer} AND c.closed_at IS NULL
             WHERE b.account_id = e.account_id AND b.subscription_id IS NOT DISTINCT FROM e.subscription_id
               AND b.id < e.id AND b.source = 'CUSTOMER' AND b.opened_at >= c.opened_at))"""
_SUSPENSION = """SELECT FROM catalog_suspension s WHERE s.id = NEW.suspension_id AND s.reason = 'ARREARS'
                    AND s.subscription_id = NEW.subscription_id AND s.ends_on IS NULL"""
# What `payer` owes on `today` of the bills that by themselves were late enough to switch off for: what came due since,
# the penalty for what was just paid among it, cuts nobody. Credit that is put to no bill covers these first.
LATE = f"""
    SELECT (coalesce(sum(b.open_cents) FILTER (WHERE b.kind <> 'ORDER' AND b.due_on < late.before AND NOT EXISTS (
                SELECT FROM billing_dispute d WHERE d.bill_id = b.id AND d.state = 'OPEN')), 0)
           - greatest(0, coalesce(sum(b.open_cents), 0) + coalesce(
                (SELECT balance_cents FROM billing_accountbalance a WHERE a.account_id = payer), 0)))::bigint
      FROM billing_bill b CROSS JOIN (SELECT today - (greatest({LATE_DAYS}, (
                SELECT max(r.days) - 1 FROM arrears_arrearscase c JOIN arrears_policystage r
                    ON r.policy_id = c.policy_id AND r.stage = 'SUSPENDED'
                 WHERE c.account_id = payer AND c.closed_at IS NULL)) + coalesce((
                SELECT max(g.credit_days) FROM accounts_standing g JOIN accounts_billingaccount a
                    ON a.customer_id = g.customer_id AND a.id = payer
                 WHERE g.active_from <= today AND (g.active_to IS NULL OR g.active_to > today)), 0)) AS before) late
     WHERE b.account_id = payer AND b.open_cents > 0"""
# A payment that may have worked, or one begun within the days in which a gateway decides.
MAY_BE_PAYING = """p.state = 'UNKNOWN'
            OR (p.state IN ('CREATED', 'PENDING') AND p.created_at > {at} - interval '3 days')"""
_LINE = """arrears_planline l JOIN arrears_disconnectplan p ON p.id = l.plan_id AND p.state = 'RUNNING'
             WHERE l.subscription_id = NEW.subscription_id AND l.state = 'WAITING'"""
# An approval counts for as many days as its plan says.
_IS_FRESH = "y.at > NEW.at - p.approval_days * interval '1 day'"
# By code what must be so. Those of the notices are looked at contact by contact: see `_TOLD`.
_HOLDS = {
    Missing.NOT_SUSPENDED: f"EXISTS ({_SUSPENSION})",
    Missing.TOO_EARLY: f"""NEW.at <= now()
        AND NOT EXISTS ({_SUSPENSION} AND today - greatest(s.begins_on,
            (s.opened_at AT TIME ZONE 'Asia/Shanghai')::date) <= {SUSPENDED_DAYS})""",
    Missing.NOT_OWED: f"({LATE}) > 0",
    Missing.NO_CASE: """EXISTS (SELECT FROM arrears_arrearscase c WHERE c.account_id = payer
        AND c.closed_at IS NULL AND c.stage IN ('DISCONNECT_WARNED', 'DISCONNECTED'))""",
    Missing.DISPUTE: """NOT EXISTS (SELECT FROM billing_dispute d JOIN billing_bill b ON b.id = d.bill_id
        WHERE b.account_id = payer AND d.state = 'OPEN')""",
    Missing.IN_FLIGHT: f"""NOT EXISTS (SELECT FROM billing_payment p WHERE p.account_id = payer
        AND ({MAY_BE_PAYING.format(at="NEW.at")}))""",
    Missing.PROMISE: """NOT EXISTS (SELECT FROM arrears_promise p WHERE p.account_id = payer
        AND p.state = 'OPEN' AND p.until >= today)""",
    Missing.EXEMPTION: """NOT EXISTS (SELECT FROM arrears_exemption e WHERE e.account_id = payer
        AND e.active_from <= greatest(today, (now() AT TIME ZONE 'Asia/Shanghai')::date) AND e.active_to > today)""",
    Missing.ESCALATION: f"""NOT EXISTS (SELECT FROM arrears_escalation e WHERE {STOPS.format(payer="payer")}
        AND e.account_id IN {_FAMILY})""",
    Missing.WARRANT: f"""EXISTS (SELECT FROM {_LINE} AND EXISTS (SELECT FROM arrears_warrant w
        WHERE w.plan_id = p.id AND w.subscription_id = NEW.subscription_id AND w.suspension_id = NEW.suspension_id
          AND w.judged_on = today))""",
    Missing.APPROVERS: f"""EXISTS (SELECT FROM {_LINE} AND (SELECT count(DISTINCT y.user_id)
        FROM arrears_planapproval y WHERE y.plan_id = p.id AND y.user_id IS DISTINCT FROM p.made_by_id
         AND {_IS_FRESH}) >= 2
        AND NOT EXISTS (SELECT FROM arrears_warrant w WHERE w.plan_id = p.id
            AND w.subscription_id = NEW.subscription_id AND (SELECT count(DISTINCT y.user_id)
                FROM arrears_planapproval y WHERE y.plan_id = p.id AND {_IS_FRESH}
                  AND y.user_id IN (w.first_approver_id, w.second_approver_id)
                  AND y.user_id IS DISTINCT FROM p.made_by_id) < 2))""",
}
_TOLD = f"""
    told := ARRAY(SELECT x.ref FROM ({_REFS}) x);
    IF NOT EXISTS (SELECT FROM ({_REFS}) x WHERE x.is_own) THEN
        IF EXISTS (SELECT FROM ({NOTICES}) x WHERE x.account_id = payer AND x.ref = 'post') THEN
            told := array_append(told, 'post');
        ELSE
            missing := array_append(missing, '{Missing.NOBODY}');
        END IF;
    END IF;
    FOREACH who IN ARRAY told LOOP
        SELECT min(x.delivered_on + x.needed_days) FILTER (WHERE x.is_proof), bool_or(x.is_hard) INTO ready, dead
          FROM ({NOTICES}) x WHERE x.account_id = payer AND x.ref = who;
        IF ready IS NULL AND dead THEN
            SELECT min(x.delivered_on + x.needed_days) INTO ready
              FROM ({NOTICES}) x WHERE x.account_id = payer AND x.ref = 'post' AND x.is_proof;
        END IF;
        IF ready IS NULL THEN missing := array_append(missing, '{Missing.NOT_DELIVERED}');
        ELSIF ready > today THEN missing := array_append(missing, '{Missing.NOTICE_TOO_LATE}');
        END IF;
    END LOOP;"""
_REFUSE = """RAISE EXCEPTION USING MESSAGE = 'a line ends only when everything is proven; missing: '
    || array_to_string(missing, ', '), ERRCODE = '23514', CONSTRAINT = '{name}';"""
_SLIP = """operations_slip o JOIN catalog_subscription s ON s.id = NEW.subscription_id
             JOIN catalog_offer f ON f.id = s.offer_id
             JOIN accounts_billingaccount a ON a.id = s.account_id WHERE o.id = NEW.slip_id"""
# By the slip's operation, whether what was confirmed is the end of this very line. What was ordered for one term has
# its end from the beginning, by the slip of the order that names its offer.
_ENDS_IT = """CASE o.operation
            WHEN 'package.cancel' THEN o.data ->> 'subscription' = s.number
            WHEN 'vas.switch' THEN (o.data ->> 'switch' = 'off' AND o.data ->> 'account' = a.number
                AND o.data ->> 'offer' = f.code AND NOT EXISTS (SELECT FROM catalog_termination t
                    WHERE t.slip_id = o.id AND t.subscription_id <> s.id))
            ELSE false END
        OR (o.operation IN ('package.order', 'package.change', 'vas.switch', 'number.restore')
            AND f.cycle = 'TERM' AND NOT f.is_renewed AND s.end_slip_id = o.id
            AND s.ends_on <= (NEW.at AT TIME ZONE 'Asia/Shanghai')::date
            AND (o.data ->> 'offer' = f.code OR o.data -> 'offers' @> to_jsonb(f.code::text)))"""
# Operations by whose slips lines end.
ENDING = ("package.cancel", "vas.switch", "package.order", "package.change", "number.restore")
_ORDER = """arrears_authorityorder y WHERE y.document_id = NEW.document_id
             AND y.subscription_id = NEW.subscription_id"""
# A slip of the customer's own, confirmed by a code that went to his phone, and never in a batch. It asks for the end of
# this very line, or for what takes its place, which is in use before that one ends.
_CONFIRMED = {
    Unproven.NOT_HIS_SLIP: f"""EXISTS (SELECT FROM {_SLIP} AND o.customer_id = a.customer_id
        AND o.state NOT IN ('REFUSED', 'FAILED', 'CANCELLED'))""",
    Unproven.BATCH: f"NOT EXISTS (SELECT FROM {_SLIP} AND o.channel = 'BATCH')",
    Unproven.CUSTOMER_CODE: f"""EXISTS (SELECT FROM {_SLIP} AND o.state NOT IN ('DRAFT', 'QUOTED')
        AND o.confirmation ->> 'kind' = 'SMS_CODE' AND o.confirmation ->> 'code_id' IS NOT NULL
        AND NOT EXISTS (SELECT FROM accounts_verificationcode v WHERE v.used_at IS NULL
                         AND v.id::text = o.confirmation ->> 'code_id'))""",
}
_OTHERS = {
    "CUSTOMER": _CONFIRMED | {Unproven.NOT_THIS_LINE: f"EXISTS (SELECT FROM {_SLIP} AND ({_ENDS_IT}))"},
    "TRANSFER": _CONFIRMED
    | {
        Unproven.NOT_THIS_LINE: f"""EXISTS (SELECT FROM {_SLIP}
            AND o.operation = 'package.change' AND o.data ->> 'subscription' = s.number)""",
        Unproven.NO_FOLLOWER: """EXISTS (SELECT FROM catalog_subscription n
            JOIN catalog_subscription s ON s.id = n.follows_id AND s.account_id = n.account_id
            JOIN catalog_offer f ON f.id = n.offer_id
            JOIN operations_slip o ON o.id = NEW.slip_id AND o.data ->> 'offer' = f.code
           WHERE n.follows_id = NEW.subscription_id AND n.state = 'ACTIVE')""",
    },
    "AUTHORITY": {
        Unproven.DOCUMENT: f"EXISTS (SELECT FROM {_ORDER})",
        Unproven.TWO_APPROVERS: f"""EXISTS (SELECT FROM {_ORDER} AND (SELECT count(DISTINCT p.user_id)
            FROM arrears_authorityapproval p WHERE p.order_id = y.id AND p.user_id <> y.made_by_id) >= 2)""",
    },
}
# Where the reason's own evidence is not even named, `NeedsEvidence` of the room below refuses it.
_NAMED = "NEW.slip_id IS NOT NULL OR NEW.document_id IS NOT NULL"


def _asked(conditions: Mapping[Any, str]) -> str:
    return "\n".join(
        f"IF NOT ({sql}) THEN missing := array_append(missing, '{code}'); END IF;"
        for code, sql in conditions.items()
    )


class NobodyUnheard(Law):
    """A line ends only when everything that the reason of its end asks for is there. All that is missing is named."""

    operation = pgtrigger.Insert

    def __init__(self, *, name: str) -> None:
        refused = _REFUSE.format(name=name)
        others = "\n".join(
            f"IF NEW.reason = '{reason}' AND ({_NAMED}) THEN {_asked(asked)} END IF;"
            for reason, asked in _OTHERS.items()
        )
        func = f"""
            {others}
            IF cardinality(missing) > 0 THEN
                {refused}
            END IF;
            IF NEW.reason <> 'ARREARS' OR (NEW.notice_id IS NULL AND NEW.suspension_id IS NULL) THEN
                RETURN NEW;
            END IF;
            SELECT s.payer_id INTO payer FROM catalog_subscription s WHERE s.id = NEW.subscription_id;
            PERFORM FROM accounts_billingaccount a WHERE a.id IN {_FAMILY} ORDER BY a.id FOR UPDATE;
            today := (NEW.at AT TIME ZONE 'Asia/Shanghai')::date;
            {_asked(_HOLDS)}
            {_TOLD}
            IF cardinality(missing) = 0 THEN RETURN NEW; END IF;
            {refused}"""
        declare = [
            ("missing", "text[] := ARRAY[]::text[]"),
            ("told", "text[]"),
            ("who", "text"),
            ("payer", "bigint"),
            ("today", "date"),
            ("ready", "date"),
            ("dead", "boolean"),
        ]
        super().__init__(name=name, func=func, declare=declare)


class ConfirmedByHolder(Law):
    """What ends lines is confirmed by a code that went to the customer: a contact of his, or a member's phone."""

    operation = pgtrigger.UpdateOf("state")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str) -> None:
        listed = ", ".join(f"'{code}'" for code in ENDING)
        func = (
            f"IF NEW.state <> 'CONFIRMED' OR OLD.state = 'CONFIRMED' OR NEW.operation NOT IN ({listed}) "
            "OR NEW.confirmation ->> 'kind' IS DISTINCT FROM 'SMS_CODE' "
            f"OR EXISTS (SELECT FROM {CODE} AND v.address <> '' AND (EXISTS ("
            "SELECT FROM accounts_contact k JOIN accounts_billingaccount a ON a.id = k.account_id "
            "WHERE a.customer_id = NEW.customer_id AND k.value = v.address) OR EXISTS ("
            "SELECT FROM accounts_membership m JOIN accounts_billingaccount a ON a.id = m.account_id "
            "JOIN accounts_user u ON u.id = m.user_id "
            "WHERE a.customer_id = NEW.customer_id AND u.phone = v.address))) THEN RETURN NEW; END IF; "
            + refuse(name, "the code of an end goes to the customer whose line it is")
        )
        super().__init__(name=name, func=func)


class ApprovedByTwo(Law):
    """A plan is approved only when two people who did not make it have said yes."""

    operation = pgtrigger.UpdateOf("state")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str) -> None:
        func = (
            "IF NEW.state <> 'APPROVED' OR OLD.state = 'APPROVED' OR (SELECT count(DISTINCT y.user_id) "
            "FROM arrears_planapproval y WHERE y.plan_id = NEW.id AND y.user_id IS DISTINCT FROM NEW.made_by_id) >= 2 "
            "AND (SELECT count(*) FROM arrears_planline l WHERE l.plan_id = NEW.id) = NEW.lines_count "
            "THEN RETURN NEW; END IF; "
            + refuse(name, "a plan is approved as it was made, by two people who did not make it")
        )
        super().__init__(name=name, func=func)


class LinesAsApproved(Law):
    """A plan has its lines before anybody approves it."""

    operation = pgtrigger.Insert

    def __init__(self, *, name: str) -> None:
        func = (
            "IF NOT EXISTS (SELECT FROM arrears_disconnectplan p WHERE p.id = NEW.plan_id AND p.state <> 'MADE') "
            "THEN RETURN NEW; END IF; " + refuse(name, "the lines of a plan are those that were approved")
        )
        super().__init__(name=name, func=func)


class NotByItsMaker(Law):
    """Whoever made what is to be approved (a row of `table`, named by `column`) does not approve it."""

    operation = pgtrigger.Insert

    def __init__(self, *, name: str, table: str, column: str) -> None:
        func = (
            f"IF NOT EXISTS (SELECT FROM {table} p WHERE p.id = NEW.{column} "
            "AND p.made_by_id = NEW.user_id) THEN RETURN NEW; END IF; "
            + refuse(name, "whoever made it does not approve it")
        )
        super().__init__(name=name, func=func)
