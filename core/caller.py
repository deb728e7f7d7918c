"""Where a request came from."""

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


def address(request: HttpRequest) -> str | None:
    """The caller's IP, behind as many proxies as the settings trust; None when it cannot be known."""
    try:
        found: str = get_adapter(request).get_client_ip(request)
    except PermissionDenied:
        return None
    return found or None
