"""Orders and renewals."""

from hall.settings import env

ORDER_PAY_HOURS = env.number("HALL_ORDER_PAY_HOURS", 72, least=1)  # unpaid for so long: cancelled
ORDER_PROMISE_HOURS = env.number("HALL_ORDER_PROMISE_HOURS", 24, least=1)  # after it a step counts as stuck
ORDER_BILL_DAYS = env.number(
    "HALL_ORDER_BILL_DAYS", 15
)  # to pay what an order costs that is carried out first
ORDER_QUOTE_DAYS = env.number(
    "HALL_ORDER_QUOTE_DAYS", 7, least=1
)  # how long a quoted price is promised at most
ORDER_WITH_OVERDUE_BILLS = env.flag("HALL_ORDER_WITH_OVERDUE_BILLS", False)  # whether debtors may order more
ORDER_VALUE_ADDED_TYPES = env.words("HALL_ORDER_VALUE_ADDED_TYPES", "value_added")  # codes of product types
ORDER_NUMBER_TYPES = env.words("HALL_ORDER_NUMBER_TYPES", "number")  # those that take a chosen number
RENEWAL_NOTICE_DAYS = env.number("HALL_RENEWAL_NOTICE_DAYS", 7, least=5)  # the regulator's least is 5
