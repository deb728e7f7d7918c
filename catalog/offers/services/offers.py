"""Writing offers down. What is published keeps its terms by law; its names and English texts may be put right."""

from django.db import transaction

from catalog.offers import search
from catalog.offers.models import Offer


@transaction.atomic
def write(offer: Offer) -> Offer:
    """Saves the offer as given; the search tells the same as the page."""
    offer.save()
    search.put(offer)
    return offer
