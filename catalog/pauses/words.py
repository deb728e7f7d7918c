"""How a pause is put into words, in the language that is active."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from accounts import addresses
from catalog.choices import Cycle, WhileOff
from catalog.holdings.models import Subscription
from catalog.offers import words as offer_words
from catalog.offers.models import Offer
from core.money import display


def fee(offer: Offer, amounts_cents: Sequence[int], starts_over: bool = False) -> str:
    """What it costs while it is off; `amounts_cents` are the pause fee per month, terminal by terminal."""
    if offer.while_paused != WhileOff.FEE or offer.cycle == Cycle.TERM or not amounts_cents:
        return str(WhileOff(offer.while_paused).label)
    first = _("每月 %(amount)s") % {"amount": display(amounts_cents[0])}
    further = offer_words.terminals(tuple(amounts_cents), starts_over)
    return _("，").join([first, further]) if further else first


def service(row: Subscription) -> str:
    """Which service, for a message that others may read: its number masked, else its offer."""
    return addresses.mask(row.service_number) if row.service_number else str(row.offer)
