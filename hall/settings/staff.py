"""Staff: where their permissions come from, and how their second factor works."""

AUTHENTICATION_BACKENDS = ["accounts.backends.PostsBackend"]

# TOTP and recovery codes work on every page without scripts; passkeys cannot, so they are not offered.
MFA_ADAPTER = "accounts.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1  # one step of 30 s either way: phones' clocks differ
MFA_RECOVERY_CODE_COUNT = 10
MFA_FORMS = {
    "authenticate": "accounts.forms.SecondFactorForm",
    "reauthenticate": "accounts.forms.SecondFactorAgainForm",
}
