"""What goes wrong on purpose with the receipts of a message: by the end of its phone number, or by chance with a seed.

The same seed and the same message ids go wrong in the same way, so that a test that failed can be run again.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, fields

DEAD, OFF, BLOCKED = "0000", "9906", "9908"
BUSY = "9907"  # the gateway takes it only the second time
_BY_ENDING = {"9901": "lose", "9902": "delay", "9903": "repeat", "9904": "reorder", "9905": "forge"}


class BadChaos(ValueError):
    """What was asked for cannot be done; the text says why."""


@dataclass(frozen=True, slots=True)
class Chaos:
    """The share of messages (0 to 1) whose receipts are treated so; one message may meet several."""

    seed: int = 0
    lose: float = 0.0  # no receipt ever; it can be asked for
    delay: float = 0.0  # comes after `delay_seconds`
    repeat: float = 0.0  # comes three times
    reorder: float = 0.0  # a report of trouble, made before, comes after that of the arrival
    forge: float = 0.0  # a report with a wrong signature comes first
    delay_seconds: float = 2.0

    @classmethod
    def read(cls, text: bytes) -> "Chaos":
        """From JSON with some of the fields. Raises BadChaos."""
        try:
            values = json.loads(text)
        except ValueError:
            raise BadChaos("not JSON") from None
        known = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or not values.keys() <= known:
            raise BadChaos(f"give some of {', '.join(sorted(known))}")
        for name, value in values.items():
            most = 1.0 if name in _BY_ENDING.values() else float("inf")
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not 0 <= value <= most:
                raise BadChaos(f"{name} is not a number from 0 to {most:g}")
        return cls(**(values | {"seed": int(values.get("seed", 0))}))

    def of(self, phone: str, message_id: str) -> frozenset[str]:
        """What happens to the receipts of this message: of lose, delay, repeat, reorder, forge."""
        if fixed := _BY_ENDING.get(phone[-4:]):
            return frozenset({fixed})
        chance = random.Random(f"{self.seed}:{message_id}")
        return frozenset(name for name in _BY_ENDING.values() if chance.random() < getattr(self, name))

    def as_values(self) -> Mapping[str, float]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def outcome(phone: str) -> tuple[str, str, str]:
    """How a message to this number ends: status, the carrier's code and words."""
    if phone.endswith(DEAD):
        return "FAILED", "NO_SUCH_NUMBER", "空号"
    if phone.endswith(OFF):
        return "FAILED", "SWITCHED_OFF", "关机"
    return "DELIVERED", "", ""


def parts(text: str) -> int:
    """How many messages the carrier makes of it: 70 characters fit one, 67 each of several; 160 and 153 of ASCII."""
    one, each = (160, 153) if text.isascii() else (70, 67)
    length = len(text) if text.isascii() else len(text.encode("utf-16-be")) // 2
    return 1 if length <= one else -(-length // each)
