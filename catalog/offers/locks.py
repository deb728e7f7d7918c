"""The rows that are locked while what is sold changes. Nothing of them is held together with an account's lock."""

from catalog.offers.models import Offer
from catalog.offers.prices import Price, PriceException, PriceRule
from core.errors import NotFound


def offer(offer_id: int) -> Offer:
    """The offer with its type; its prices change only under this lock. Raises NotFound."""
    found = Offer.objects.select_for_update(of=("self",)).select_related("type").filter(pk=offer_id).first()
    if found is None:
        raise NotFound()
    return found


def price(price_id: int) -> Price:
    """A price, after its offer. Raises NotFound."""
    offer_id = Price.objects.filter(pk=price_id).values_list("offer_id", flat=True).first()
    if offer_id is None:
        raise NotFound()
    offer(offer_id)
    return Price.objects.select_for_update(of=("self",)).select_related("offer__type").get(pk=price_id)


def rule(rule_id: int) -> PriceRule:
    """Raises NotFound."""
    found = PriceRule.objects.select_for_update().filter(pk=rule_id).first()
    if found is None:
        raise NotFound()
    return found


def exception(exception_id: int) -> PriceException:
    """Raises NotFound."""
    found = PriceException.objects.select_for_update().filter(pk=exception_id).first()
    if found is None:
        raise NotFound()
    return found
