"""At whose prices a page is shown: those of the reader's account, or of the place that a visitor chose."""

from dataclasses import dataclass
from datetime import date

from django.http import HttpRequest, HttpResponse

from accounts.models import BillingAccount, Region
from accounts.selectors import accounts
from catalog.offers.selectors import shelf
from catalog.offers.selectors.shelf import Viewer

COOKIE = "region"
A_YEAR = 365 * 86_400  # seconds


@dataclass(frozen=True)
class Asked:
    """The viewer, and what the page's chooser offers: his accounts, or the places. `region` is the chosen one."""

    viewer: Viewer
    accounts: list[BillingAccount]
    regions: list[Region]
    region: Region | None

    @property
    def region_missing(self) -> bool:
        """Nobody said where he lives: a price that depends on it cannot be told."""
        return self.viewer.region_id is None and bool(self.regions)

    def remember(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Keeps the visitor's choice in a cookie, so that he is asked once."""
        if "region" in request.GET and not self.viewer.is_known:
            code = self.region.code if self.region else ""
            response.set_cookie(
                COOKIE, code, max_age=A_YEAR, samesite="Lax", httponly=True, secure=request.is_secure()
            )
        return response


def of(request: HttpRequest, on: date) -> Asked:
    """`?account=` chooses among the reader's own, `?region=` among the places; what is unknown is no choice."""
    own = list(accounts.of_user(request.user).filter(closed_at=None))
    if own:
        wanted = request.GET.get("account", "")
        account = next((each for each in own if each.number == wanted), own[0])
        return Asked(shelf.holder(account, on), own, [], account.region)
    regions = _places()
    code = request.GET.get("region", request.COOKIES.get(COOKIE, ""))
    region = next((each for each in regions if each.code == code), None)
    return Asked(shelf.visitor(region.pk if region else None), [], regions, region)


def _places() -> list[Region]:
    """Where somebody may say that he lives: cities and districts."""
    levels = (Region.Level.CITY, Region.Level.DISTRICT)
    return list(
        Region.objects.filter(level__in=levels).select_related("parent").order_by("parent__code", "code")
    )
