"""Who: users, customers, billing accounts (户号), their members and contacts."""

from accounts.models.codes import CodeRequest, VerificationCode
from accounts.models.contacts import Contact
from accounts.models.customers import BillingAccount, Customer
from accounts.models.members import Membership, MembershipHistory
from accounts.models.regions import Region
from accounts.models.users import HallUserManager, User

__all__ = [
    "BillingAccount",
    "CodeRequest",
    "Contact",
    "Customer",
    "Membership",
    "HallUserManager",
    "MembershipHistory",
    "Region",
    "User",
    "VerificationCode",
]
