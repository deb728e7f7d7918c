"""What things cost: one pure function over plain values. Preview, order and bill run call it (docs/pricing.md)."""

from catalog.pricing.advising import Advice, Month, Option, advise
from catalog.pricing.ahead import paid_until
from catalog.pricing.errors import AlreadyEnds, Contradiction, NoOffer, NoPrice, NotHeld, PricingError
from catalog.pricing.papers import as_json, digest, from_json
from catalog.pricing.quoting import charges
from catalog.pricing.relations import Buyer, Conditions, Eligibility, Problem, Reason, eligible, problems

__all__ = [
    "Advice", "AlreadyEnds", "Buyer", "Conditions", "Contradiction", "Eligibility", "Month", "NoOffer", "NoPrice",
    "NotHeld", "Option", "PricingError", "Problem", "Reason", "advise", "as_json", "charges", "digest", "eligible",
    "from_json", "paid_until", "problems",
]  # fmt: skip
