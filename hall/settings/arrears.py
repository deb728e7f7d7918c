"""Arrears. What happens to whom and when is data (欠费策略); here is what is the operator's own."""

from hall.settings import env

# For so many days the approvals of a plan of disconnections count; then two people look at it again.
DISCONNECT_APPROVAL_DAYS = env.number("HALL_DISCONNECT_APPROVAL_DAYS", 7, least=1)
if DISCONNECT_APPROVAL_DAYS > 31:
    env.complain("HALL_DISCONNECT_APPROVAL_DAYS must be a whole number from 1 to 31")
