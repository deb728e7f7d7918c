"""A stand-in for a bank that debits by agreement: its signed JSON interface, and the page where the customer signs."""

BANNER = "模拟银行代扣 · 不是真实银行 / Stand-in for a bank, no real money"
"""What each of its pages says."""
