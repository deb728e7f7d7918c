"""Laws of policies: all that one says is written at once, or before it runs."""

import pgtrigger
from django.db.models import BigIntegerField, Func

from core.db import Law, refuse
from core.periods import TODAY


class ThisTransaction(Func):
    """The number of the transaction that writes; no other has had it, or will."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = BigIntegerField()
    allowed_default = True


_NOW = ThisTransaction.template


class BeforeItRuns(Law):
    """A policy gets stages and notices in the transaction that writes it, or until the day before it begins."""

    operation = pgtrigger.Insert

    def __init__(self, *, name: str) -> None:
        func = (
            "IF NOT EXISTS (SELECT FROM arrears_policy p WHERE p.id = NEW.policy_id "
            f"AND p.active_from <= {TODAY} AND p.written_in <> {_NOW}) THEN RETURN NEW; END IF; "
            + refuse(name, "a policy that runs gets no more stages and notices")
        )
        super().__init__(name=name, func=func)
