"""What an address is while a customer is being served; see hall.settings.serving."""

from enum import Enum

from django.conf import settings
from django.urls import ResolverMatch


class Page(Enum):
    CUSTOMERS = "the customer's"  # shown as to him
    OWN = "the clerk's own"
    REFUSED = "neither"


def kind(match: ResolverMatch, method: str) -> Page:
    """By the address' name; one that is not named is refused, whatever the method."""
    names = {match.view_name, f"{match.namespace}:*"}
    if names & settings.SERVING_OWN:
        return Page.OWN
    is_safe = method in ("GET", "HEAD", "OPTIONS")
    shown = settings.SERVING_SHOWN if is_safe else settings.SERVING_POSTS
    return Page.CUSTOMERS if names & shown else Page.REFUSED
