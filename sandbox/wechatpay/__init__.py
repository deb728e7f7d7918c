"""A stand-in for WeChat Pay v3: native orders, refunds, notices, and a page in the place of the customer's phone."""

SCHEDULE = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
"""Seconds between the sends of a notice that is not answered with 2xx, as WeChat documents them."""

BANNER = "模拟微信支付 · 不是真实微信 / Stand-in for WeChat Pay, no real money"
