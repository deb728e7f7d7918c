"""A stand-in for the systems that authorise cards and switch lines: a signed JSON interface, and a developer's page."""

BANNER = "模拟开通系统 · 不会真的开通 / Stand-in for provisioning, nothing is switched on"
"""What each of its pages says."""
