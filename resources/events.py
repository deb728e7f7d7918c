"""What this room tells the rooms above."""

from dataclasses import dataclass
from typing import ClassVar

from core.outbox import Event


@dataclass(frozen=True)
class CommandDone(Event):
    """A far system has done it, or a person has, by hand. In order per subject."""

    name: ClassVar[str] = "resources.command_done"
    command_key: str
    action: str
    subject_kind: str
    subject_id: str
    far_reference: str
    by_hand: bool

    @property
    def key(self) -> str:
        return f"{self.subject_kind}:{self.subject_id}"


@dataclass(frozen=True)
class CommandFailed(Event):
    """It cannot be done without a person; commands of the subject that came later wait. `CommandDone` may follow."""

    name: ClassVar[str] = "resources.command_failed"
    command_key: str
    action: str
    subject_kind: str
    subject_id: str
    error: str

    @property
    def key(self) -> str:
        return f"{self.subject_kind}:{self.subject_id}"


@dataclass(frozen=True)
class StockLow(Event):
    """No more than the place's line is available of something."""

    name: ClassVar[str] = "resources.stock_low"
    item_id: int
    sku: str
    place_id: int
    available: int

    @property
    def key(self) -> str:
        return f"stock:{self.item_id}"
