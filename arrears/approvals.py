"""What staff of this room do with four eyes: importing registers it."""

from arrears.services import exemptions, policies, reinstalls, write_offs

__all__ = ["exemptions", "policies", "reinstalls", "write_offs"]
