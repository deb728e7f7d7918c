"""Staff pages of people: users and their rights, customers, billing accounts, contacts, regions."""

from accounts.admin import accounts, users

__all__ = ["accounts", "users"]
