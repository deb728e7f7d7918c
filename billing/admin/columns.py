from typing import Any

from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from billing.gateways import registry


@display(description=_("渠道"), ordering="gateway")
def gateway_name(self: Any, row: Any) -> Any:
    """The gateway as people call it; an import profile keeps its own name."""
    return dict(registry.codes()).get(row.gateway, row.gateway)
