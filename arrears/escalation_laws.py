"""Laws of escalations: who had the matter in hand, or decided what is disputed, does not say that it is settled."""

import pgtrigger

from core.db import Law, refuse


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
            IF OLD.state = 'CLOSED' AND NEW.state = 'CLOSED' AND NEW.owner <> OLD.owner THEN
                {refuse(name, "a closed escalation changes its owner only by being reopened")}
            END IF;
            IF NEW.state = 'CLOSED' AND (NEW.owner IN ('', NEW.first_handler) OR {concerned}) THEN
                {refuse(name, "an escalation is closed by somebody whose own work it is not about")}
            END IF;
            RETURN NEW;"""
        super().__init__(name=name, func=func)
