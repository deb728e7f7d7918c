from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.gateways import registry
from billing.texts import AT_THE_COUNTER


@admin.display(description=_("渠道"), ordering="gateway")
def gateway_name(self: Any, row: Any) -> Any:
    """The gateway as people call it; an import profile keeps its own name."""
    return (dict(registry.codes()) | AT_THE_COUNTER).get(row.gateway, row.gateway)
