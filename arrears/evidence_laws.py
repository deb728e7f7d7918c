"""Laws of seals: nobody seals a night that is still to come."""

import pgtrigger

from core.db import Law, refuse
from core.periods import TODAY


class NightHasCome(Law):
    """A root of a later night would end the sealing of all nights before it."""

    operation = pgtrigger.Insert

    def __init__(self, *, name: str) -> None:
        func = f"IF NEW.sealed_on <= {TODAY} THEN RETURN NEW; END IF; " + refuse(
            name, "no night is sealed before it comes"
        )
        super().__init__(name=name, func=func)
