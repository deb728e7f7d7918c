"""Which adapter carries commands out. A new one is a module beside the others and a line here."""

from collections.abc import Callable, Mapping

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from resources.adapters import http, immediate
from resources.adapters.base import Adapter


def _http() -> Adapter:
    config = http.HttpConfig(
        url=settings.PROVISIONING_URL,
        name=settings.PROVISIONING_NAME,
        secret=settings.PROVISIONING_SECRET,
    )
    return http.HttpAdapter(config)


_MAKERS: Mapping[str, Callable[[], Adapter]] = {http.CODE: _http, immediate.CODE: immediate.ImmediateAdapter}


def codes() -> list[str]:
    return sorted(_MAKERS)


def adapter() -> Adapter:
    """The one that PROVISIONING_ADAPTER names; raises ImproperlyConfigured."""
    try:
        return _MAKERS[settings.PROVISIONING_ADAPTER]()
    except KeyError:
        raise ImproperlyConfigured(f"PROVISIONING_ADAPTER is none of {', '.join(codes())}") from None
