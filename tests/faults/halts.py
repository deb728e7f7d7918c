"""Points at which a worker can be made to stop: triggers in the test's own database wait on a lock that the test holds.

A halt stops only the work for the account that is named for it, so that every step has its own worker standing there
at the same time. Nothing in the product knows of this.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.house import PATIENCE, House
from tests.sandbox import process

_LOCK = 4711
# step → where it stands: table, event, and a condition on the row. They stop when the statement has written.
APPLYING = {
    "claim": ("billing_gatewaycallback", "UPDATE", "NEW.attempts <> OLD.attempts"),
    "receipt": ("billing_receipt", "INSERT", "true"),
    "allocation": ("billing_allocation", "INSERT", "true"),
    "bill": ("billing_bill", "UPDATE", "true"),
    "entry": ("billing_ledgerentry", "INSERT", "NEW.kind = 'RECEIPT'"),
    "balance": ("billing_accountbalance", "UPDATE", "true"),
    "payment": ("billing_payment", "UPDATE", "NEW.state = 'SUCCEEDED'"),
    "history": ("billing_paymenthistory", "INSERT", "NEW.to_state = 'SUCCEEDED'"),
    "news": ("core_outboxrow", "INSERT", "true"),
    "callback": ("billing_gatewaycallback", "UPDATE", "NEW.state = 'APPLIED'"),
}
TELLING = {
    "slip": ("operations_slip", "UPDATE", "NEW.state = 'DONE'"),
    "slip history": ("operations_sliphistory", "INSERT", "NEW.to_state = 'DONE'"),
    "message": ("notices_message", "INSERT", "true"),
    "delivery": ("notices_delivery", "INSERT", "true"),
    "news done": ("core_outboxrow", "UPDATE", "NEW.state = 'DONE'"),
}
# A refund on its way: taken, marked as sent, (asked for at the gateway,) booked, ended.
REFUNDING = {
    "refund claim": ("billing_refundrequest", "UPDATE", "NEW.attempts > OLD.attempts"),
    "refund sent": ("billing_refundrequest", "UPDATE", "NEW.sent_at IS DISTINCT FROM OLD.sent_at"),
    "refunded sum": ("billing_receipt", "UPDATE", "NEW.refunded_cents <> OLD.refunded_cents"),
    "refund": ("billing_refund", "INSERT", "true"),
    "refund entry": ("billing_ledgerentry", "INSERT", "NEW.kind = 'REFUND'"),
    "refund balance": ("billing_accountbalance", "UPDATE", "NEW.balance_cents < OLD.balance_cents"),
    "refund state": ("billing_refundrequest", "UPDATE", "NEW.state = 'SUCCEEDED'"),
    "refund history": ("billing_refundhistory", "INSERT", "NEW.to_state = 'SUCCEEDED'"),
    "reservation": ("billing_receipt", "UPDATE", "NEW.refunding_cents < OLD.refunding_cents"),
    "refund news": ("core_outboxrow", "INSERT", "NEW.key LIKE 'refund:%'"),
}
# These stop inside COMMIT: the worker has asked for it and never hears the answer.
COMMITTING = {
    "commit of the claim": APPLYING["claim"],
    "commit": APPLYING["callback"],
    "commit of the news": TELLING["news done"],
}
REFUND_COMMITTING = {
    "commit of the refund claim": REFUNDING["refund claim"],
    "commit of the mark": REFUNDING["refund sent"],
    "commit of the refund": REFUNDING["refund state"],
}

_SETUP = f"""
    CREATE TABLE halt (account_id bigint, step text);
    CREATE FUNCTION halted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
                                        SET lock_timeout = 0 AS $$
        DECLARE seen jsonb := to_jsonb(NEW); found bigint;
        BEGIN
            found := coalesce(
                (seen->>'account_id')::bigint,
                (SELECT account_id FROM billing_payment WHERE id = (seen->>'payment_id')::bigint),
                (SELECT account_id FROM billing_bill WHERE id = (seen->>'bill_id')::bigint),
                (SELECT account_id FROM billing_receipt WHERE id = (seen->>'receipt_id')::bigint),
                (SELECT account_id FROM billing_refundrequest WHERE id = (seen->>'request_id')::bigint),
                (SELECT account_id FROM billing_refundrequest WHERE 'refund:' || number = seen->>'key'),
                (SELECT account_id FROM billing_payment
                  WHERE reference IN (seen->>'subject_id', substr(seen->>'key', 9))),
                (SELECT p.account_id FROM operations_slip s JOIN billing_payment p ON p.reference = s.subject_id
                  WHERE s.id = (seen->>'slip_id')::bigint),
                (SELECT id FROM accounts_billingaccount WHERE 'account:' || number = seen->>'recipient_ref'),
                (SELECT a.id FROM notices_message m
                   JOIN accounts_billingaccount a ON 'account:' || a.number = m.recipient_ref
                  WHERE m.id = (seen->>'message_id')::bigint));
            IF EXISTS (SELECT FROM halt WHERE account_id = found AND step = TG_ARGV[0]) THEN
                PERFORM pg_advisory_xact_lock_shared({_LOCK});
            END IF;
            RETURN NULL;
        END $$;"""


def _triggers() -> str:
    plain, deferred = {**APPLYING, **TELLING, **REFUNDING}, {**COMMITTING, **REFUND_COMMITTING}
    made = []
    for kind, timing, steps in (
        ("", "", plain),
        ("CONSTRAINT", "DEFERRABLE INITIALLY DEFERRED", deferred),
    ):
        for step, (table, event, condition) in steps.items():
            made.append(
                f'CREATE {kind} TRIGGER "zz halt {step}" AFTER {event} ON {table} {timing}'
                f" FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION halted('{step}');"
            )
    return "\n".join(made)


class Halts:
    """Where workers stop at the moment, and how many stand there."""

    def __init__(self, house: House) -> None:
        self._session = house.session()
        self._session.autocommit = True
        self._rows = house.session()
        self._run(f"SELECT pg_advisory_lock({_LOCK})")

    def at(self, account_id: int, step: str) -> None:
        self._run("INSERT INTO halt VALUES (%s, %s)", account_id, step)

    def before_lock(self, table: str, row_id: int) -> None:
        """Stops whoever wants to lock the row; rows that refer to it can be written."""
        with self._rows.cursor() as cursor:
            cursor.execute(f"SELECT FROM {table} WHERE id = %s FOR NO KEY UPDATE", [row_id])

    def wait_for(self, count: int) -> None:
        process.until(lambda: len(self._standing()) == count, PATIENCE)

    def release(self) -> None:
        """Nobody is stopped any more; what the server does for the dead who stood there has come to its end."""
        standing = self._standing()
        self._run("DELETE FROM halt")
        self._rows.rollback()
        self._run("SELECT pg_advisory_unlock_all()")
        process.until(lambda: not standing & self._sessions("true"), PATIENCE)

    def close(self) -> None:
        self.release()
        self._rows.close()
        self._session.close()

    def _standing(self) -> set[int]:
        return self._sessions("wait_event_type = 'Lock'")

    def _sessions(self, condition: str) -> set[int]:
        with self._session.cursor() as cursor:
            cursor.execute(f"SELECT pid FROM pg_stat_activity WHERE {condition}")
            return {pid for (pid,) in cursor.fetchall()}

    def _run(self, sql: str, *values: object) -> None:
        with self._session.cursor() as cursor:
            cursor.execute(sql, values or None)


@contextmanager
def halts(house: House) -> Iterator[Halts]:
    """Halts for one test; the triggers are gone afterwards."""
    with house.session() as session, session.cursor() as cursor:
        cursor.execute(_SETUP + _triggers())
    session.close()
    made = Halts(house)
    try:
        yield made
    finally:
        made.close()
        with house.session() as session, session.cursor() as cursor:
            cursor.execute("DROP FUNCTION halted CASCADE; DROP TABLE halt")
        session.close()
