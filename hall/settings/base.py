"""What is the same everywhere. dev, test, bench and prod import this and say what differs."""

from pathlib import Path

import django_stubs_ext
from celery.schedules import crontab

from hall.settings import env
from hall.settings.arrears import *
from hall.settings.backoffice import *
from hall.settings.charging import *
from hall.settings.gateways import *
from hall.settings.orders import *
from hall.settings.resources import *
from hall.settings.security import *
from hall.settings.serving import *
from hall.settings.staff import *
from hall.settings.upkeep import *

django_stubs_ext.monkeypatch()  # lets generic Django classes name their types at run time

BASE_DIR = Path(__file__).resolve().parent.parent.parent
HELP_LINE = env.text("HALL_HELP_LINE", "96123")  # the operator's hotline, shown on every page
BASE_URL = env.text("HALL_BASE_URL", "http://127.0.0.1:8000")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "pgtrigger",
    "django_htmx",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "core",
    "notices",
    "accounts",
    "content",
    "operations",
    "billing",
    "resources",
    "catalog",
    "arrears",
    "hall",
]

MIDDLEWARE = [
    "core.middleware.RequestContextMiddleware",
    "core.headers.HeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "core.sessions.SessionAgeMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.staff_door.StaffDoorMiddleware",
    "hall.backoffice.ContentPolicyMiddleware",
    "core.middleware.HallErrorMiddleware",
    "core.limits.RateLimitMiddleware",
    "operations.serving.middleware.ServingMiddleware",
]

ROOT_URLCONF = "hall.urls"
WSGI_APPLICATION = "hall.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["hall.templatetags.remembered", "core.templatetags.spoken"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hall.context.site",
                "operations.serving.template_context.serving",
            ],
        },
    }
]

# What the read-only role (reports, people with SQL) never sees: "app.Model", "app.Model.field" or a table's own name.
HIDDEN_FROM_READONLY = [
    "sessions.Session",
    "knox.AuthToken",
    "accounts.ApiToken",
    "mfa.Authenticator",
    "usersessions.UserSession",
    "accounts.DataExport.content",
    "core.Upload.token",
    "accounts.VerificationCode",
    "accounts.User.password",
    "billing.PayLink.token_digest",
    "billing.EmailSubscription.token_digest",
    "core_cache",
    "core_limit",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The cache holds rate limits and short-lived facts. It lives in the database so that logging in does not depend on
# the broker.
CACHES = {
    "default": {
        "BACKEND": "core.cache.PostgresCache",
        "LOCATION": "core_cache",
    }
}

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "hall:home"
LOGOUT_REDIRECT_URL = "hall:home"

# Customers log in by phone (code or password), staff by user name and password through the same door, so that both
# stand behind the same limits and later the same second factor.
ACCOUNT_ADAPTER = "accounts.adapter.HallAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"phone", "username"}
ACCOUNT_SIGNUP_FIELDS = ["phone*", "password1"]
ACCOUNT_FORMS = {
    "login": "accounts.forms.LoginForm",
    "signup": "accounts.forms.SignupForm",
    "request_login_code": "accounts.forms.RequestLoginCodeForm",
    "confirm_login_code": "accounts.forms.ConfirmLoginCodeForm",
    "verify_phone": "accounts.forms.VerifyPhoneForm",
    "change_phone": "accounts.forms.ChangePhoneForm",
}
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # no mail to strangers' addresses
ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "length": 6, "dashed": False}
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 300
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 5
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_PHONE_VERIFICATION_TIMEOUT = 300
ACCOUNT_PHONE_VERIFICATION_MAX_ATTEMPTS = 5
ACCOUNT_PHONE_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # a new phone or password needs the old password, where there is one
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False

PHONE_REGIONS = ["CN"]  # countries whose mobile numbers may be used: every number costs a message
# How often codes may be asked for; see accounts.services.code_requests.
CODE_LIMITS = {
    "target_minute": 1,  # for the same purpose and number
    "target_day": 10,
    "phone_day": 10,  # to one phone, whatever for
    "client_hour": 20,  # from one network address
    "who_hour": 10,  # by one user
    "sent_hour": env.number("HALL_CODES_PER_HOUR", 3000, least=1),  # to everybody: SMS pumping ends here
}
# How many different account numbers may be asked about to pay for somebody else; see billing.services.payments.lookups.
LOOKUP_LIMITS = {
    "who_hour": 10,  # by one user
    "client_hour": 30,  # from one network address
}

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LANGUAGE_COOKIE_AGE = 365 * 86_400  # seconds
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale" / "staff_theme"]
FORMAT_MODULE_PATH = "hall.formats"
USE_I18N = True
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = Path(env.text("HALL_STATIC_ROOT", str(BASE_DIR / ".hall" / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "hall.bundles.BundleFinder",
]
CSRF_FAILURE_VIEW = "hall.errors.csrf_failure"

REDIS_URL = env.address("REDIS_URL", "REDIS_PASSWORD")
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 0.5,
    "socket_timeout": 5.0,
    # Longer than any task may run, or the broker would hand it out a second time meanwhile. What a killed worker held
    # need not wait for this: the sweepers find the rows.
    "visibility_timeout": 3_900,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
_EVERY_10_S = 10.0  # sweepers: find what a dead worker or a lost poke left behind
CELERY_BEAT_SCHEDULE = {
    "sweep-outbox": {"task": "core.dispatch_outbox", "schedule": _EVERY_10_S, "options": {"expires": 10}},
    "tick": {"task": "core.tick", "schedule": 30.0, "options": {"expires": 30}},
    "sweep-callbacks": {
        "task": "billing.apply_callbacks",
        "schedule": _EVERY_10_S,
        "options": {"expires": 10, "queue": "payments"},
    },
    "end-idle-serving": {"task": "operations.end_idle_serving", "schedule": 60.0, "options": {"expires": 60}},
    "sweep-deliveries": {
        "task": "notices.send_deliveries",
        "schedule": _EVERY_10_S,
        "options": {"expires": 10, "queue": "notices"},
    },
    "sweep-refunds": {
        "task": "billing.carry_out_refunds",
        "schedule": _EVERY_10_S,
        "options": {"expires": 10, "queue": "payments"},
    },
    "watch-refunds": {"task": "billing.watch_refunds", "schedule": crontab(minute=20)},
    "settle-undecided-payments": {
        "task": "billing.settle_undecided",
        "schedule": 15.0,
        "options": {"expires": 15, "queue": "payments"},
    },
    "mail-bills": {"task": "billing.mail_bills", "schedule": crontab(minute="*/10")},
    "warn-large-bills": {
        "task": "billing.warn_large_bills",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "collect-debits": {"task": "billing.collect_debits", "schedule": crontab(10, "8-20")},  # by day
    "check-ledgers": {"task": "billing.check_ledgers", "schedule": crontab(hour=3, minute=30)},
    "withdraw-old-approvals": {"task": "core.withdraw_old_approvals", "schedule": crontab(hour=4, minute=30)},
    "check-freshness": {"task": "content.check_freshness", "schedule": crontab(minute=5)},
    "purge": {"task": "hall.purge", "schedule": crontab(hour=4, minute=40)},
    "purge-billing": {"task": "billing.purge", "schedule": crontab(hour=4, minute=20)},
    "purge-uploads": {"task": "core.purge_uploads", "schedule": crontab(hour=4, minute=40)},
    "purge-accounts": {"task": "accounts.purge", "schedule": crontab(hour=4, minute=10)},
    "sweep-commands": {
        "task": "resources.carry_out_commands",
        "schedule": _EVERY_10_S,
        "options": {"expires": 10, "queue": "provisioning"},
    },
    "free-expired-stock": {
        "task": "resources.free_expired",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "check-stock": {"task": "resources.check_stock", "schedule": crontab(hour=3, minute=50)},
    "end-subscriptions": {"task": "catalog.end_subscriptions", "schedule": crontab(minute=5)},
    "end-pauses": {"task": "catalog.end_pauses", "schedule": crontab(minute=10)},
    "watch-orders": {"task": "catalog.watch_orders", "schedule": 300.0, "options": {"expires": 300}},
    "remind-renewals": {"task": "catalog.remind_renewals", "schedule": crontab(hour=9, minute=15)},  # by day
    "assess-arrears": {"task": "arrears.assess", "schedule": crontab(hour=8, minute=30)},  # told by day
    "seal-evidence": {"task": "arrears.seal_evidence", "schedule": crontab(hour=0, minute=40)},
    "watch-escalations": {"task": "arrears.watch_escalations", "schedule": crontab(minute=35)},
    "restore-services": {"task": "arrears.restore", "schedule": 600.0, "options": {"expires": 600}},
    "fire-triggers": {
        "task": "notices.fire_triggers",
        "schedule": crontab(hour=9, minute=45),  # by day
        "options": {"queue": "notices"},
    },
    "close-logins": {"task": "accounts.close_logins", "schedule": crontab(minute=25)},
    "sweep-data-exports": {
        "task": "accounts.make_data_exports",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "poll-receipts": {
        "task": "notices.poll_receipts",
        "schedule": 60.0,
        "options": {"expires": 60, "queue": "notices"},
    },
    "deliver-letters": {
        "task": "notices.deliver_letters",
        "schedule": crontab(minute=12),
        "options": {"queue": "notices"},
    },
    "purge-secrets": {"task": "notices.expire_secrets", "schedule": 60.0, "options": {"queue": "notices"}},
}

PAYMENT_EXPIRES_MINUTES = 30
# Fen that a customer gets back in a day without staff looking at it, from credit that nobody must look at.
REFUND_SELF_SERVICE_CENTS = env.number("HALL_REFUND_SELF_SERVICE_CENTS", 20_000)

# A dispute of a bill is answered within so many working days; the regulator's limit is 15 days.
DISPUTE_ANSWER_WORKING_DAYS = env.number("HALL_DISPUTE_ANSWER_WORKING_DAYS", 5, least=1)

# Fen that one member of staff may move alone, by kind of work (core.approvals); above it a second person decides.
APPROVAL_LIMITS = env.amounts(
    "HALL_APPROVAL_LIMITS",
    {
        "billing.refund": 50_000,
        "billing.refund_approval": 50_000,
        "billing.refund_by_hand": 20_000,
        "billing.adjustment": 10_000,
        "billing.penalty_waiver": 10_000,
        "billing.receipt_use": 100_000,
        "billing.receipt_transfer": 50_000,
        "billing.bill_reopen": 50_000,
        "billing.refund_waiver": 10_000,
        "billing.counter_reversal": 50_000,
    },
)
# Fen that one member of staff may move alone in a day by each kind, whatever the number of objects.
APPROVAL_DAY_LIMITS = env.amounts(
    "HALL_APPROVAL_DAY_LIMITS", {kind: 10 * limit for kind, limit in APPROVAL_LIMITS.items()}
)
APPROVAL_DAYS = 14  # a request that nobody decided for so long is withdrawn: its facts are too old

# Where a hall's "map" link leads; the page gives longitude, latitude (WGS 84) and name.
HALL_MAP_URL = env.text(
    "HALL_MAP_URL",
    "https://uri.amap.com/marker?position={longitude},{latitude}&name={name}&coordinate=wgs84",
)

METRICS_TOKEN = env.text(
    "METRICS_TOKEN", ""
)  # who shows it may read /metrics from anywhere; empty: this machine only

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "core.logs.JsonFormatter"}},
    "filters": {"personal": {"()": "core.logs.PersonalDataFilter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["personal"]}},
    "root": {"handlers": ["stderr"], "level": env.text("HALL_LOG_LEVEL", "INFO")},
    "loggers": {"django": {"handlers": [], "propagate": True}, "celery": {"handlers": [], "propagate": True}},
}
