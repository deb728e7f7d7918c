"""That somebody looked for a number: the first step of the funnel, and what is asked for and not there."""

from datetime import datetime

from resources.models import NumberSearch
from resources.selectors.numbers import Wish


def note(wish: Wish, *, channel: str, is_found: bool, as_of: datetime) -> None:
    """One row without a person: neither who asked nor which digits."""
    wanted = [*wish.patterns]
    wanted += [name for name in ("anywhere", "ends_with", "class_code") if getattr(wish, name)]
    NumberSearch.objects.create(
        at=as_of, channel=channel, region=wish.region, wanted=",".join(wanted)[:60], is_found=is_found
    )
