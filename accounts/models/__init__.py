"""Who: users, customers, billing accounts (户号), their members and contacts."""

from accounts.models.codes import CodeRequest, VerificationCode
from accounts.models.consents import (
    ConsentChange,
    Education,
    Interest,
    Occupation,
    ProfileDetails,
    Purpose,
)
from accounts.models.contacts import Contact
from accounts.models.customers import BillingAccount, Customer
from accounts.models.invitations import INVITATION_MACHINE, Invitation, InvitationState
from accounts.models.members import Membership, MembershipHistory
from accounts.models.privacy import (
    CLOSING_MACHINE,
    DATA_EXPORT_MACHINE,
    ClosingState,
    DataExport,
    DataExportState,
    LoginClosing,
)
from accounts.models.regions import Region
from accounts.models.staff import Certificate, Post, RoleRule
from accounts.models.standing import Segment, SegmentMembership, Standing
from accounts.models.tokens import ApiToken
from accounts.models.users import HallUserManager, User

__all__ = [
    "ApiToken",
    "BillingAccount",
    "CLOSING_MACHINE",
    "Certificate",
    "ClosingState",
    "CodeRequest",
    "ConsentChange",
    "Contact",
    "Customer",
    "DATA_EXPORT_MACHINE",
    "DataExport",
    "DataExportState",
    "Education",
    "HallUserManager",
    "INVITATION_MACHINE",
    "Interest",
    "Invitation",
    "InvitationState",
    "LoginClosing",
    "Membership",
    "MembershipHistory",
    "Occupation",
    "Post",
    "ProfileDetails",
    "Purpose",
    "Region",
    "RoleRule",
    "Segment",
    "SegmentMembership",
    "Standing",
    "User",
    "VerificationCode",
]
