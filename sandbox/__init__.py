"""Stand-ins for the outside world, for development and tests: Alipay, WeChat Pay, a bank and an SMS gateway, each by
its wire protocol.

A process of its own that shares no code with the hall, so that both sides of each protocol are written twice. It
refuses to start in production.
"""
