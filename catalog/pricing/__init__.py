"""What things cost: one pure function over plain values. Preview, order and bill run call it (docs/pricing.md)."""
