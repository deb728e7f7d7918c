"""Who asks for an operation, over which channel, when; and how he must confirm it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.actor import Actor
from core.caller import address
from operations.models import Channel

client_address = address


class Confirmation(models.TextChoices):
    """The second confirmation that an operation needs before it is carried out."""

    CLICK = "CLICK", _("点击确认")
    SMS_CODE = "SMS_CODE", _("短信验证码")


class ByClerk(Enum):
    """Whether staff may do it for a customer."""

    WITH_CODE = "with code"  # while they serve him, with a code that went to his phone
    AT_DESK = "at desk"  # on a work page of the staff's own: what confirms it lies on the desk
    NEVER = "never"  # the customer himself and nobody else


@dataclass(frozen=True, slots=True)
class Context:
    """`user` acts; `on_behalf_of` is the customer when staff act for him. `address` is the caller's IP, if any.

    `serving` is the session in which they do (operations.serving); None on the work pages of their own.
    """

    user: User | AnonymousUser
    channel: Channel
    as_of: datetime
    address: str | None = None
    on_behalf_of: User | None = None
    serving: int | None = None
    slip_number: str = ""  # the slip's own, while its operation is carried out
    known: dict[str, bool] | None = (
        None  # what `once` found, while a list of operations is made; None: ask each time
    )

    @property
    def served(self) -> User | AnonymousUser:
        """The one whose accounts the operation is about."""
        return self.on_behalf_of or self.user

    def once(self, name: str, ask: Callable[[], bool]) -> bool:
        """What several operations want to know to be offered, asked for all of them together in one list."""
        if self.known is None:
            return ask()
        if name not in self.known:
            self.known[name] = ask()
        return self.known[name]

    def as_customer(self) -> "Context":
        """As the customer would ask himself, while staff serve him: his lists show what he is offered."""
        if self.serving is None or self.on_behalf_of is None:
            return self
        return replace(self, user=self.on_behalf_of, on_behalf_of=None, serving=None, channel=Channel.WEB)

    @property
    def actor(self) -> Actor:
        return Actor.user(self.user)
