"""Staff pages of arrears; importing this room registers them."""

from arrears.admin import cases, ends, escalations, evidence, plans, policies, reinstalls, reliefs, write_offs

__all__ = [
    "cases",
    "ends",
    "escalations",
    "evidence",
    "plans",
    "policies",
    "reinstalls",
    "reliefs",
    "write_offs",
]
