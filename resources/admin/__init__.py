"""Staff pages of what is scarce or plugged in."""

from resources.admin import commands, devices, numbers, stock

__all__ = ["commands", "devices", "numbers", "stock"]
