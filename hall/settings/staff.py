"""Staff: how their second factor works, how long they stay logged in, how long their passwords are."""

AUTHENTICATION_BACKENDS = ["accounts.backends.PostsBackend"]

# TOTP and recovery codes work on every page without scripts; passkeys cannot, so they are not offered.
MFA_ADAPTER = "accounts.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1  # one step of 30 s either way: phones' clocks differ
MFA_RECOVERY_CODE_COUNT = 10

STAFF_SESSION_HOURS = 8  # then they log in again, however busy they are
STAFF_IDLE_MINUTES = 30
STAFF_PASSWORD_LENGTH = 12
