"""Laws of slips: what a customer has confirmed stays as he confirmed it."""

import pgtrigger

from core.db import Law, refuse

# What was confirmed, by whom, for whom and how.
CONFIRMED_COLUMNS = (
    "actor_id",
    "on_behalf_of_id",
    "customer_id",
    "data",
    "quote_digest",
    "confirmation",
    "confirmed_at",
)
# Of a slip NEW the code `v` by which it says that it is confirmed. Codes are purged: afterwards nobody can ask again.
CODE = """accounts_verificationcode v WHERE v.id = CASE WHEN NEW.confirmation ->> 'code_id' ~ '^[0-9]{1,18}$'
            THEN (NEW.confirmation ->> 'code_id')::bigint END"""
_ITS_OWN = """v.used_at IS NOT NULL
            AND v.purpose IN ('operation:' || NEW.operation, 'serving:' || NEW.operation)
            AND (v.subject LIKE 'user:' || NEW.actor_id || '|%'
                 OR v.subject LIKE 'serving:%|user:' || NEW.on_behalf_of_id || '|%')
            AND NOT EXISTS (SELECT FROM operations_slip o WHERE o.actor_id = NEW.actor_id AND o.id <> NEW.id
                             AND o.started_at > v.created_at - interval '1 day' AND o.state NOT IN ('DRAFT', 'QUOTED')
                             AND o.confirmation ->> 'code_id' = v.id::text)"""


class ConfirmedForGood(Law):
    """A slip is confirmed by a code that was sent for it, given, and confirms no other; that stays as it was."""

    operation = pgtrigger.Update

    def __init__(self, *, name: str) -> None:
        same = " AND ".join(f"NEW.{column} IS NOT DISTINCT FROM OLD.{column}" for column in CONFIRMED_COLUMNS)
        func = (
            f"IF OLD.state NOT IN ('DRAFT', 'QUOTED') THEN IF {same} THEN RETURN NEW; END IF; "
            f"{refuse(name, 'what was confirmed stays as it was confirmed')} END IF; "
            "IF NEW.state <> 'CONFIRMED' OR NEW.confirmation ->> 'kind' IS DISTINCT FROM 'SMS_CODE' "
            f"THEN RETURN NEW; END IF; PERFORM FROM {CODE} FOR UPDATE; "
            f"IF EXISTS (SELECT FROM {CODE} AND {_ITS_OWN}) THEN RETURN NEW; END IF; "
            + refuse(name, "a slip is confirmed by a code of its own that was given")
        )
        super().__init__(name=name, func=func)
