from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core import clock, limits


class HallThrottle(BaseThrottle):
    """RATE_LIMITS of the settings, by whose token or session it is: the address's own entry, else "api"."""

    def __init__(self) -> None:
        self._wait = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        match = request._request.resolver_match
        code = str(match.kwargs.get("code", "")) if match else ""
        entry = limits.of_address(match.view_name if match else "", request.method or "", code)
        name, found = entry or limits.of_address("api", "") or ("api", ())
        ip = limits.client_address(request._request)
        user = request.user
        whom = {"ip": ip, "user": f"user:{user.pk}" if user.is_authenticated else f"ip:{ip}"}
        self._wait = limits.take(name, found, whom, now=clock.now().timestamp())
        return not self._wait

    def wait(self) -> float:
        return self._wait
