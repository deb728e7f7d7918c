"""Staff pages of people: users, their posts and certificates, customers, billing accounts, contacts, regions."""

from accounts.admin import accounts, people, staff, standing, users

__all__ = ["accounts", "people", "staff", "standing", "users"]
