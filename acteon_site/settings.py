"""Settings of the gateway, read from the environment (or the file that ACTEON_ENV_FILE names).

Two modes. `embedded` (default): SQLite under var/ and an in-process broker, for one machine and demos.
`production`: PostgreSQL and Redis; keys are required and it refuses to start open.
"""

import os
import tempfile
import tomllib
import warnings
from pathlib import Path
from typing import Any

import environ
from django.urls import reverse_lazy

from acteon_site.base.compliance import NONE, locks_of
from acteon_site.base.proxies import trusted_proxies

BASE_DIR = Path(__file__).resolve().parent.parent

VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

env = environ.Env()
ENV_FILE = Path(env.str("ACTEON_ENV_FILE", default=str(BASE_DIR / "var" / "acteon.env")))
if ENV_FILE.is_file():
    environ.Env.read_env(str(ENV_FILE))  # values already in the environment win

MODE = env.str("ACTEON_MODE", default="embedded")
EMBEDDED = MODE == "embedded"
DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", default="")
FERNET_KEYS: list[str] = env.list("FERNET_KEYS", default=[])
# kid -> secret; the first signs, every listed one verifies (two at a time while rotating).
APPROVAL_KEYS: dict[str, str] = env.dict("APPROVAL_KEYS", default={})
# Keys gate rows and idempotency hashes, so that no personal data stands in an index.
LOOKUP_HASH_KEY = env.str("LOOKUP_HASH_KEY", default="")
# Set by `manage.py serve` when it binds to a loopback address in embedded mode; never by hand.
API_OPEN_ON_LOOPBACK = EMBEDDED and env.bool("ACTEON_API_OPEN", default=False)
DEMO_CLOCK = EMBEDDED and env.bool("ACTEON_DEMO_CLOCK", default=EMBEDDED)
PUBLIC_URL = env.str("ACTEON_PUBLIC_URL", default="http://127.0.0.1:8080")
RULES_ROOT = Path(env.str("ACTEON_RULES_ROOT", default=str(BASE_DIR / "fixtures" / "ecommerce")))
DEFAULT_RULE_TIMEZONE = env.str("ACTEON_RULE_TIMEZONE", default="UTC")
OUTBOUND_ALLOW: list[str] = env.list("ACTEON_OUTBOUND_ALLOW", default=[])

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if EMBEDDED else [])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "acteon_site",
    "unfold",
    "acteon_site.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_eventstream",
    "audit_app",
    "chains_app",
    "subscriptions_app",
    "rules_app",
    "orders_app",
]

MIDDLEWARE = [
    "acteon_site.http.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "acteon_site.urls"
ASGI_APPLICATION = "acteon_site.asgi.application"
APPEND_SLASH = True  # the admin needs it; the API's own paths carry no slash

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


DATABASE_SECONDS = env.int("ACTEON_DB_SECONDS", default=5)


def database() -> dict[str, Any]:
    """SQLite in WAL with immediate transactions by default; PostgreSQL with a pool by DATABASE_URL."""
    config: dict[str, Any] = env.db_url(
        "DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'var' / 'gateway.sqlite3'}"
    )
    if config["ENGINE"].endswith("sqlite3"):
        config["OPTIONS"] = {
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
        # Threads of a test need a file: a shared in-memory database locks whole tables.
        config["TEST"] = {"NAME": str(Path(tempfile.gettempdir()) / f"acteon-test-{os.getpid()}.sqlite3")}
        return config
    return server(config, DATABASE_SECONDS, kept=2)


def server(config: dict[str, Any], seconds: int, kept: int) -> dict[str, Any]:
    """A PostgreSQL server that is waited for so long; a pool keeps so many connections that nobody uses."""
    # A connection is tried before it is used: after a restart of the server all that are kept are dead.
    config["CONN_HEALTH_CHECKS"] = True
    # Behind a pooler the next statement may meet another server, which does not know the cursor.
    config["DISABLE_SERVER_SIDE_CURSORS"] = True
    # A server that is gone must not hold requests: they answer 503 after these seconds.
    options = config.setdefault("OPTIONS", {})
    options.setdefault("connect_timeout", seconds)
    for name, value in SILENCE.items():
        options.setdefault(name, value)
    options.setdefault("prepare_threshold", 1)  # of those that ask for it
    if env.bool("ACTEON_DB_POOL", default=True):
        options["pool"] = {
            "min_size": kept,
            "max_size": env.int("ACTEON_DB_POOL_SIZE", default=20),
            "timeout": seconds,
            # Given up, the next request begins anew: else each failure doubles the wait after the server is back.
            "reconnect_timeout": seconds,
        }
    return config


def replica() -> dict[str, Any]:
    """Given up early: the primary answers in its place."""
    config: dict[str, Any] = env.db_url("DATABASE_REPLICA_URL")
    server(config, REPLICA_SECONDS, kept=0)
    if "pool" in config["OPTIONS"]:
        config["OPTIONS"]["pool"]["timeout"] = REPLICA_LAG_SECONDS
    return config


# A host that went without a word (its power, its network) is given up after 15 to 20 seconds, and not after hours.
SILENCE = {
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
REPLICA_SECONDS = 2
# How long a list waits for the replica to have all that the primary has before it is read from the primary.
REPLICA_LAG_SECONDS = env.float("ACTEON_REPLICA_LAG_SECONDS", default=0.5)
# Statements for sets of rows are prepared by the server; not behind a pooler that knows none of that.
DATABASE_PREPARES = env.bool("ACTEON_DB_PREPARE", default=True)
DATABASES = {"default": database()}
if env.str("DATABASE_REPLICA_URL", default=""):
    DATABASES["replica"] = replica()
    DATABASE_ROUTERS = ["acteon_site.base.replica.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ATOMIC_REQUESTS = False

REDIS_URL = env.str("REDIS_URL", default="")
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True
# It is there after `collectstatic` alone; without, the files come from the apps themselves.
warnings.filterwarnings("ignore", "No directory at: ", UserWarning)
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en-us"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
CSRF_FAILURE_VIEW = "acteon_site.http.error_handler.csrf_failure"

MAX_BODY_BYTES = 2 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES + 1024

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not EMBEDDED
SECURE_SSL_REDIRECT = env.bool("ACTEON_SSL_REDIRECT", default=False)
SECURE_HSTS_SECONDS = env.int("ACTEON_HSTS_SECONDS", default=0 if EMBEDDED else 3600)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("ACTEON_HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("ACTEON_HSTS_PRELOAD", default=False)
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("ACTEON_BEHIND_TLS_PROXY", default=False) else None
)
SECURE_REFERRER_POLICY = "same-origin"
# Whose X-Forwarded-For says who the client is: so many proxies in front, or those with these addresses.
TRUSTED_PROXIES = trusted_proxies(env.str("ACTEON_TRUSTED_PROXIES", default=""))

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://" if EMBEDDED else "smtp://localhost:25")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="orders@localhost")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "acteon_site.access.authentication.ApiKeyAuthentication",
        "acteon_site.access.authentication.LoopbackAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["acteon_site.access.permissions.RoleRequired"],
    "DEFAULT_THROTTLE_CLASSES": ["acteon_site.http.throttling.KeyThrottle"],
    "DEFAULT_PARSER_CLASSES": ["acteon_site.http.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["acteon_site.http.parsers.FastJSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "acteon_site.http.parsers.AlwaysJSON",
    "EXCEPTION_HANDLER": "acteon_site.http.error_handler.handle",
    "DEFAULT_SCHEMA_CLASS": "acteon_site.http.openapi.GatewaySchema",
    "UNAUTHENTICATED_USER": None,
    "SCHEMA_COERCE_PATH_PK": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Acteon order gateway",
    "DESCRIPTION": "Orders in, rules, approvals, chains and a trail. docs/storefronts.md is the guide to it.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "PREPROCESSING_HOOKS": ["acteon_site.http.openapi_hooks.load_descriptions"],
    "POSTPROCESSING_HOOKS": ["acteon_site.http.openapi_hooks.complete"],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "An API key or a token"},
            "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
    },
    # From drf-spectacular-sidecar: the page needs no other host.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": False, "deepLinking": True},
}
if REDIS_URL:
    EVENTSTREAM_REDIS = {
        "host": env.url("REDIS_URL").hostname or "127.0.0.1",
        "port": env.url("REDIS_URL").port or 6379,
        "db": int((env.url("REDIS_URL").path or "/0").lstrip("/") or 0),
        "username": env.url("REDIS_URL").username,
        "password": env.url("REDIS_URL").password,
        "ssl": env.url("REDIS_URL").scheme == "rediss",
        # A Redis that is silent must not hold up the relay, which only rings through it.
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
        # redis-py asks eleven times by itself: a minute for each ring. Whoever is not woken looks once a second.
        "retry": None,
        "socket_keepalive": True,
    }
# How long a token of /v1/auth/login lasts.
TOKEN_SECONDS = env.int("ACTEON_TOKEN_SECONDS", default=28_800)
# What auditors ask for, locked: none, soc2 or hipaa. PHI_FIELDS are redacted whatever is configured.
COMPLIANCE_MODE = env.str("ACTEON_COMPLIANCE_MODE", default="none")
PHI_FIELDS: list[str] = env.list("ACTEON_PHI_FIELDS", default=[])
if COMPLIANCE_MODE != NONE:
    TOKEN_SECONDS = min(TOKEN_SECONDS, locks_of(COMPLIANCE_MODE).token_seconds)
    # Who does nothing for so long is signed out of the admin.
    SESSION_COOKIE_AGE, SESSION_SAVE_EVERY_REQUEST = locks_of(COMPLIANCE_MODE).idle_seconds, True
# Requests a minute for each key or token, and how many of them may come at once; 0 sets no limit.
RATE_PER_MINUTE = env.int("ACTEON_RATE_PER_MINUTE", default=0 if EMBEDDED else 60_000)
RATE_BURST = env.int("ACTEON_RATE_BURST", default=max(1, RATE_PER_MINUTE // 10))
# Open streams of one process: in all, and of keys with the same namespaces and tenants.
STREAM_LISTENERS = env.int("ACTEON_STREAM_LISTENERS", default=2000)
STREAM_LISTENERS_PER_TENANT = env.int("ACTEON_STREAM_LISTENERS_PER_TENANT", default=1000)
STREAM_RETENTION_SECONDS = env.int("ACTEON_STREAM_RETENTION_SECONDS", default=86_400)
# Seconds between the attempts of a delivery, and for how long a subscriber may fail before it is switched off.
SUBSCRIPTION_RETRY_SECONDS: list[int] = [
    int(seconds)
    for seconds in env.list(
        "ACTEON_SUBSCRIPTION_RETRY_SECONDS",
        default=["5", "300", "1800", "7200", "18000", "36000", "50400", "72000", "86400"],
    )
]
SUBSCRIPTION_DISABLE_AFTER_SECONDS = env.int("ACTEON_SUBSCRIPTION_DISABLE_AFTER_SECONDS", default=259_200)

# How long a decision in the admin can be undone before it takes effect; 0: it takes effect at once.
APPROVAL_UNDO_SECONDS = env.int("ACTEON_APPROVAL_UNDO_SECONDS", default=5)
# Recurring actions: how many each tenant may have, and from how many seconds on an occurrence counts as missed.
RECURRING_PER_TENANT = env.int("ACTEON_RECURRING_PER_TENANT", default=500)
RECURRING_GRACE_SECONDS = env.int("ACTEON_RECURRING_GRACE_SECONDS", default=120)
# Sign-in by OpenID Connect; off without an issuer. docs/operations.md has an example.
OIDC_ISSUER = env.str("ACTEON_OIDC_ISSUER", default="")
OIDC_CLIENT_ID = env.str("ACTEON_OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env.str("ACTEON_OIDC_CLIENT_SECRET", default="")
OIDC_NAME = env.str("ACTEON_OIDC_NAME", default="Sign in with your company's account")
OIDC_SCOPES: list[str] = env.list("ACTEON_OIDC_SCOPES", default=["openid", "email", "profile"])
# Of which domains verified addresses count, and the gateway's group for each group that the provider names.
OIDC_DOMAINS: list[str] = [one.lower() for one in env.list("ACTEON_OIDC_DOMAINS", default=[])]
OIDC_GROUPS_CLAIM = env.str("ACTEON_OIDC_GROUPS_CLAIM", default="groups")
OIDC_GROUPS: dict[str, str] = env.dict("ACTEON_OIDC_GROUPS", default={})
# Whether the provider asks for two steps itself, so that ours is not asked on top.
OIDC_PROVES_TWO_STEPS = env.bool("ACTEON_OIDC_PROVES_TWO_STEPS", default=False)

# Where spans are exported, by OTLP over HTTP; off without. What else there is to set, the SDK reads from OTEL_*.
OTEL_ENDPOINT = env.str("ACTEON_OTEL_ENDPOINT", default="")

LOG_LEVEL = env.str("ACTEON_LOG_LEVEL", default="INFO")
LOG_FORMAT = env.str("ACTEON_LOG_FORMAT", default="console" if EMBEDDED else "json")
LOGGING_CONFIG = None  # acteon_site.watching.logs sets structlog up, once, with redaction

LOGIN_REDIRECT_URL = "admin:index"
FORMAT_MODULE_PATH = ["acteon_site.formats"]
# The admin's frame: acteon_site/admin/frame.py. Everything it loads comes from this server.
UNFOLD = {
    "SITE_TITLE": "Order gateway",
    "SITE_HEADER": "Order gateway",
    "SITE_SYMBOL": "package_2",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "acteon_site.admin.frame.favicon"},
    ],
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "LOGIN": {"form": "acteon_site.access.sign_in_form.LimitedAuthenticationForm"},
    "ENVIRONMENT": "acteon_site.admin.frame.environment",
    "DASHBOARD_CALLBACK": "acteon_site.admin.frame.dashboard",
    "STYLES": ["acteon_site.admin.frame.stylesheet"],
    "SCRIPTS": ["acteon_site.admin.frame.script", "acteon_site.admin.frame.reachable"],
    "ACCOUNT": {"navigation": [{"title": "Your sign-in", "link": reverse_lazy("own_security")}]},
    "SIDEBAR": {"show_search": False, "navigation": "acteon_site.admin.sidebar.navigation"},
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)",
            "700": "oklch(48.8% .243 264.376)",
            "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        }
    },
}
