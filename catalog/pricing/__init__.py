"""What things cost: one pure function over plain values. Preview, order and bill run call it (docs/pricing.md)."""

from catalog.pricing.quoting import charges

__all__ = ["charges"]
