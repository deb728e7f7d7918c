"""Numbers, stock, and the far systems that carry commands out."""

from hall.settings import env

NUMBER_HOLD_MINUTES = env.number("HALL_NUMBER_HOLD_MINUTES", 15, least=1)  # how long a chosen number is kept
NUMBER_HOLD_MOST_MINUTES = env.number("HALL_NUMBER_HOLD_MOST_MINUTES", 60, least=1)  # with all extensions
NUMBER_HOLDS_PER_HOLDER = env.number("HALL_NUMBER_HOLDS_PER_HOLDER", 3, least=1)  # at the same time
NUMBER_LOCK_MONTHS = env.number(
    "HALL_NUMBER_LOCK_MONTHS", 6
)  # where no rule of the staff pages says otherwise
STOCK_RESERVATION_MINUTES = env.number("HALL_STOCK_RESERVATION_MINUTES", 30, least=1)

# Who carries commands out: "http" speaks to PROVISIONING_URL, "immediate" asks nobody (never in production).
PROVISIONING_ADAPTER = env.text("PROVISIONING_ADAPTER", "http")
PROVISIONING_URL = env.text("PROVISIONING_URL", "")
PROVISIONING_NAME = env.text("PROVISIONING_NAME", "hall")  # who we are to the far system
PROVISIONING_SECRET = env.text("PROVISIONING_SECRET", "")
# A command that the far system has taken but not done for so long goes to a person.
PROVISIONING_PATIENCE_HOURS = env.number("HALL_PROVISIONING_PATIENCE_HOURS", 6, least=1)
