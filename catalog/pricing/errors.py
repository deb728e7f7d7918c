"""What cannot be priced is refused by name; it never costs nothing by accident."""

from datetime import date


class PricingError(ValueError):
    """`code` is for programs, `subject` names the offer or the holding, `on` the day where there is one."""

    code = "PRICING"

    def __init__(self, subject: str, on: date | None = None) -> None:
        self.subject = subject
        self.on = on
        super().__init__(f"{self.code}: {subject}" + (f" on {on}" if on else ""))


class NoOffer(PricingError):
    """The book does not have the offer at all."""

    code = "NO_OFFER"


class NoPrice(PricingError):
    """The book has no price for a day on which one is needed."""

    code = "NO_PRICE"


class NotHeld(PricingError):
    """The holding that is to be ended or turned is not there, or over."""

    code = "NOT_HELD"


class AlreadyEnds(PricingError):
    """It ends then or sooner anyway: nothing would change."""

    code = "ALREADY_ENDS"


class Contradiction(PricingError):
    """The same holding is named twice, or to be both ended and turned, or to be turned into what it is."""

    code = "CONTRADICTION"
