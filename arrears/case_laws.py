"""Laws of cases: what has ended stays as it ended."""

import pgtrigger

from core.db import Law, refuse


class EndedStays(Law):
    """A case that has ended is neither taken up again nor rewritten: who owes again has a new one."""

    operation = pgtrigger.Update

    def __init__(self, *, name: str) -> None:
        func = "IF OLD.closed_at IS NULL THEN RETURN NEW; END IF; " + refuse(
            name, "a case that has ended stays as it ended"
        )
        super().__init__(name=name, func=func)
