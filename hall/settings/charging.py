"""The bills of a month."""

from hall.settings import env

# A bill of the run can be paid in time until so many days after it was issued.
BILL_DUE_DAYS = env.number("HALL_BILL_DUE_DAYS", 20, least=1)
