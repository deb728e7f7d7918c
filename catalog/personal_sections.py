"""What the flats hold on a user, for the copy that he may have."""

from catalog.holdings import personal_sections as holdings_sections  # noqa: F401
from catalog.orders import personal_sections as orders_sections  # noqa: F401
