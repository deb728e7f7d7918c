"""Staff pages of people: users, their posts and certificates, customers, billing accounts, contacts, regions."""

from accounts.admin import accounts, staff, users

__all__ = ["accounts", "staff", "users"]
