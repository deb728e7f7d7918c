"""An adapter that has nobody to ask: everything is done at once. For tests and machines without stand-ins."""

from resources.adapters.base import Order, Outcome, Status

CODE = "immediate"


class ImmediateAdapter:
    @property
    def code(self) -> str:
        return CODE

    def execute(self, order: Order) -> Outcome:
        return Outcome(Status.DONE, f"immediate:{order.key}"[:120])
