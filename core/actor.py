"""Who does something: carried by every write that leaves a trace. Opaque to this room."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Actor:
    """`ref` is stable and holds no personal data: "user:17", "gateway:alipay", "job:close_expired"."""

    ref: str

    @property
    def is_person(self) -> bool:
        return self.ref.startswith("user:")

    @classmethod
    def user(cls, user: Any) -> "Actor":
        return cls(f"user:{user.pk}")

    @classmethod
    def gateway(cls, code: str) -> "Actor":
        return cls(f"gateway:{code}")

    @classmethod
    def job(cls, name: str) -> "Actor":
        return cls(f"job:{name}")

    @classmethod
    def command(cls, name: str) -> "Actor":
        return cls(f"command:{name}")
