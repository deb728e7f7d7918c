"""The outbox consumers of the flats; each registers its own at import."""

from catalog.holdings import handlers as holdings_handlers  # noqa: F401
