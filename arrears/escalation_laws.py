"""Laws of escalations: who closes one, that each step is told, and that what was said stays said."""

import pgtrigger

from core.db import Law, refuse
from core.periods import TODAY


class ClosedByAnother(Law):
    """Who handled it first is written once; neither he nor who approved or carried out the disconnection closes it."""

    operation = pgtrigger.UpdateOf("state", "owner", "first_handler")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str) -> None:
        concerned = """EXISTS (SELECT FROM arrears_warrant w WHERE w.id = NEW.warrant_id AND NEW.owner IN
                        (w.actor, 'user:' || w.first_approver_id, 'user:' || w.second_approver_id))"""
        func = f"""
            IF OLD.first_handler <> '' AND NEW.first_handler <> OLD.first_handler THEN
                {refuse(name, "who handled an escalation first is written once")}
            END IF;
            IF NEW.state = 'CLOSED' AND (NEW.owner IN ('', NEW.first_handler) OR {concerned}) THEN
                {refuse(name, "an escalation is closed by somebody whose own work it is not about")}
            END IF;
            RETURN NEW;"""
        super().__init__(name=name, func=func)


class StepsAreTold(Law):
    """The state changes by a step that the history has told last: nothing is reopened, or answered, without a word."""

    operation = pgtrigger.UpdateOf("state")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str) -> None:
        func = f"""
            IF NEW.state = OLD.state OR (OLD.state, NEW.state, NEW.owner) = (
                SELECT h.from_state, h.to_state, h.owner FROM arrears_escalationhistory h
                 WHERE h.escalation_id = NEW.id ORDER BY h.id DESC LIMIT 1) THEN RETURN NEW; END IF;
            {refuse(name, "an escalation changes its state only with a step in its history")}"""
        super().__init__(name=name, func=func)


class SaidStays(Law):
    """An answer that was given stays; what is closed stays as it is. Only a step to WORKING begins anew."""

    operation = pgtrigger.Update

    def __init__(self, *, name: str) -> None:
        func = f"""
            IF NEW.state = 'WORKING' OR OLD.state NOT IN ('ANSWERED', 'CLOSED') THEN RETURN NEW; END IF;
            IF NEW.answer = OLD.answer AND (OLD.state <> 'CLOSED' OR NEW.state <> 'CLOSED' OR NEW = OLD) THEN
                RETURN NEW;
            END IF;
            {refuse(name, "what was answered, or is closed, changes only by being reopened")}"""
        super().__init__(name=name, func=func)


class AnsweredInTime(Law):
    """Whoever disputes is answered within so many days of his dispute, whoever writes it down."""

    operation = pgtrigger.Insert

    def __init__(self, *, name: str, days: int) -> None:
        func = (
            f"IF NEW.due_on > least((NEW.opened_at AT TIME ZONE 'Asia/Shanghai')::date, {TODAY}) + {days} "
            f"THEN {refuse(name, f'an escalation is answered within {days} days of its beginning')} END IF; RETURN NEW;"
        )
        super().__init__(name=name, func=func)
