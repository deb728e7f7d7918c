"""Staff pages of arrears; importing this room registers them."""

from arrears.admin import plans

__all__ = ["plans"]
