"""A stand-in for Alipay: open gateway, cashier and notifier."""

SCHEDULE = tuple(60.0 * minutes for minutes in (4, 10, 10, 60, 120, 360, 900))
"""Seconds between the sends of a notice that is not answered with `success`, as Alipay documents them."""

BANNER = "模拟收银台 · 不是真实支付宝 / Stand-in cashier, no real money"
