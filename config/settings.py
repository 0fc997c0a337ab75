"""Settings of Frontispiece. Every difference between machines comes from the environment.

Variables are listed and explained in `.env.example`. A secret may also be given as a file,
by `<NAME>_FILE`. A wrong value stops the start and names the variable.
"""

import os
from pathlib import Path

from config.buckets import bucket_storages
from config.env import Env, kept_secret

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()
env.read_file(env.path("ENV_FILE", BASE_DIR / ".env"))

# --- Site -------------------------------------------------------------------------------

DATA_DIR = env.folder("DATA_DIR", BASE_DIR / "var")
DEBUG = env.flag("DEBUG", False)
SECRET_KEY = env.secret("SECRET_KEY") or kept_secret(DATA_DIR)
ALLOWED_HOSTS = env.parts("ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.parts("CSRF_TRUSTED_ORIGINS")
SITE_NAME = env.text("SITE_NAME", "Frontispiece")
SITE_DESCRIPTION = env.text("SITE_DESCRIPTION")
SITE_URL = env.text(
    "SITE_URL",
    "http://localhost:8000",
    pattern=r"https?://[^\s/]+/?",
    expected="the address of the blog, such as https://blog.example.org",
).rstrip("/")
SITE_ACCENT = env.text(
    "SITE_ACCENT", "#a8431f", pattern=r"#[0-9A-Fa-f]{6}", expected="a colour such as #a8431f"
)
POSTS_PER_PAGE = env.number("POSTS_PER_PAGE", 12, low=1)
PROMPT_WRITER_MODEL = env.text(
    "PROMPT_WRITER_MODEL",
    pattern=r"([A-Za-z0-9_-]+:\S+)?",
    expected="a provider and one of its text models, such as openai:gpt-5-mini",
)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "blog",
    "providers",
    "prompts",
    "imagegen",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "blog.middleware.RefuseNul",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "blog.context_processors.site",
            ]
        },
    }
]

# --- Database ---------------------------------------------------------------------------

DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{DATA_DIR / 'db.sqlite3'}")}
DATABASES["default"]["CONN_MAX_AGE"] = None
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Many threads write: readers never wait (WAL) and a writer waits its turn (IMMEDIATE).
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # A file, so that the threads of a worker under test see the same database; one for each
    # run, so that two runs do not meet.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / f"test-{os.getpid()}.sqlite3")}
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People -----------------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"

# --- Language and time ------------------------------------------------------------------

LANGUAGE_CODE = env.text(
    "LANGUAGE_CODE", "en", pattern=r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", expected="a code such as en"
)
TIME_ZONE = env.zone("TIME_ZONE", "UTC")
USE_I18N = True
FORMAT_MODULE_PATH = ["config.formats"]
USE_TZ = True

# --- Files ------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
MEDIA_URL = "media/"
MEDIA_ROOT = DATA_DIR / "published"
SERVE_MEDIA = env.flag("SERVE_MEDIA", True)
SPOOL_DIR = DATA_DIR / "spool"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    # Private: originals, their sidecars and previews. Never under a served folder.
    "originals": {
        "BACKEND": "imagegen.storage.DurableFileSystemStorage",
        "OPTIONS": {"location": DATA_DIR, "base_url": None},
    },
    # Public copies, with content-hashed names.
    "published": {
        "BACKEND": "imagegen.storage.DurableFileSystemStorage",
        "OPTIONS": {"location": MEDIA_ROOT, "base_url": "/" + MEDIA_URL},
    },
    # Where `move_storage` may carry either: originals_s3, published_s3.
    **bucket_storages(env, media_url="/" + MEDIA_URL),
}
# How a link to a private file that was handed out ends, and who sends the bytes.
SIGNED_LINK_SECONDS = env.number("SIGNED_LINK_SECONDS", 600, low=10)
SEND_FILES_BY = env.choice("SEND_FILES_BY", "python", ("python", "x-accel", "x-sendfile"))
DATA_UPLOAD_MAX_MEMORY_SIZE = 25 * 1024 * 1024

# --- Work in the background -------------------------------------------------------------

# The engine is loaded at the first use of a task: neither of its packages is an installed app.
WORKER_THREADS = env.number("WORKER_THREADS", 16, low=1)
DRAW_PROCESSES = env.number("DRAW_PROCESSES", 2, low=1)
TASKS = {
    "default": {
        "BACKEND": "huey.contrib.djhuey.tasks_backend.HueyBackend",
        "ENQUEUE_ON_COMMIT": True,
    }
}
HUEY = {
    "huey_class": "huey.SqliteHuey",
    "name": "frontispiece",
    "filename": str(DATA_DIR / "queue.sqlite3"),
    "timeout": 20,
    "results": True,
    "immediate": False,  # huey would follow DEBUG otherwise
    "consumer": {
        "workers": WORKER_THREADS,
        "worker_type": "thread",
        "max_delay": 1.0,
        "graceful_signal": "TERM",  # huey waits for running tasks on INT only, unless told
        "periodic": False,
    },
}

# --- Pictures ---------------------------------------------------------------------------

# 0: every section may have a picture; n: only the first n sections are wanted by rule.
SECTION_PICTURES = env.number("SECTION_PICTURES", 0, low=0)
SOCIAL_CARD = env.choice("SOCIAL_CARD", "crop", ("crop", "text", "auto"))
PICTURE_WEBP = env.flag("PICTURE_WEBP", False)
HERO_CROPS = env.parts("HERO_CROPS", choices=("square", "portrait", "wide"))
# Which pictures that AI had to do with carry a visible label; the mark in files stays always.
AI_LABEL = env.choice("AI_LABEL", "always", ("always", "real", "never"))
# Paths in PEM of who signs renditions: the chain, signer first, and the key without passphrase.
C2PA_CERTIFICATE = env.text("C2PA_CERTIFICATE")
C2PA_PRIVATE_KEY = env.text("C2PA_PRIVATE_KEY")
PUBLISH_GATE = env.choice("PUBLISH_GATE", "warn", ("warn", "block"))
CURRENCY = env.text(
    "CURRENCY", "USD", pattern=r"[A-Z]{3}", expected="three capital letters such as USD"
)

# --- Security ---------------------------------------------------------------------------

HTTPS = env.flag("HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", 30 * 24 * 3600 if HTTPS else 0, low=0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.flag("HSTS_SUBDOMAINS", False)
# Subdomains and preloading bind a whole domain: its owner decides, so no check asks for them.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if env.flag("BEHIND_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"

# --- Logging ----------------------------------------------------------------------------

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "imagegen": {"level": env.choice("LOG_LEVEL", "INFO", LOG_LEVELS)},
        # No line for each address that is not there, and for each host name that is not ours.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
