"""Staff pages of arrears; importing this room registers them."""

from arrears.admin import cases, escalations, evidence, plans, policies, reliefs, write_offs

__all__ = ["cases", "escalations", "evidence", "plans", "policies", "reliefs", "write_offs"]
