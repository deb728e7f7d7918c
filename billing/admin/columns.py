from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing.gateways import registry


@admin.display(description=_("渠道"), ordering="gateway")
def gateway_name(self: Any, row: Any) -> Any:
    """The gateway as people call it; an import profile keeps its own name."""
    return dict(registry.codes()).get(row.gateway, row.gateway)
