"""Staff pages of arrears; importing this room registers them."""

from arrears.admin import escalations, evidence, plans

__all__ = ["escalations", "evidence", "plans"]
