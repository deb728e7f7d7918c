"""State machines: one table of transitions feeds the check after the lock, the law, the picture and the tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from core.errors import Conflict


class IllegalTransition(Conflict):
    code = "ILLEGAL_TRANSITION"
    message = _("当前状态（%(from_state)s）不能变为 %(to_state)s")


@dataclass(frozen=True)
class Machine:
    """`transitions` maps each state to the states that may follow it directly; an end state maps to the empty set."""

    name: str
    transitions: Mapping[str, frozenset[str]]
    initial: str

    registry: ClassVar[dict[str, "Machine"]] = {}

    def __post_init__(self) -> None:
        unknown = {s for targets in self.transitions.values() for s in targets} - set(self.transitions)
        if unknown or self.initial not in self.transitions:
            raise ValueError(f"{self.name}: states without a row: {unknown or self.initial}")
        if Machine.registry.setdefault(self.name, self) != self:
            raise ValueError(f"two machines named {self.name}")

    def allows(self, from_state: str, to_state: str) -> bool:
        return to_state in self.transitions[from_state]

    def check(self, from_state: str, to_state: str) -> None:
        """Returns when the step is in the table; raises IllegalTransition otherwise."""
        if not self.allows(from_state, to_state):
            raise IllegalTransition(from_state=from_state, to_state=to_state)

    @property
    def end_states(self) -> frozenset[str]:
        return frozenset(state for state, targets in self.transitions.items() if not targets)
