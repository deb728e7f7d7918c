"""What must be true of this room's settings."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from resources.adapters import immediate, registry


@register
def adapter_is_known(**_: Any) -> Sequence[CheckMessage]:
    """resources.E001: PROVISIONING_ADAPTER names an adapter that there is."""
    if settings.PROVISIONING_ADAPTER in registry.codes():
        return []
    hint = f"One of: {', '.join(registry.codes())}."
    return [Error("PROVISIONING_ADAPTER is unknown", hint=hint, id="resources.E001")]


@register(Tags.security, deploy=True)
def adapter_asks_somebody(**_: Any) -> Sequence[CheckMessage]:
    """resources.E002: customers would be told that they have what nobody switched on."""
    if settings.PROVISIONING_ADAPTER != immediate.CODE:
        return []
    return [Error("PROVISIONING_ADAPTER=immediate carries nothing out", id="resources.E002")]
