"""The portal's settings, frozen; the only place that reads the environment.

Every setting is named in docs and `.env.example`; a value that cannot work stops the start and says which one it is.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[::1\])(?::([0-9]{1,5}))?/?")
_HTTPS = re.compile(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*)?")
# What a setting of the phone's has to look like, and how that is said. Each may be left empty.
_SHAPES = {
    "POINT_ANDROID_PACKAGE": (
        re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+"), "a name such as org.pointapp.point",
    ),
    "POINT_ANDROID_CERTIFICATES": (
        re.compile(r"([0-9A-F]{2}:){31}[0-9A-F]{2}"), "fingerprints by SHA-256 in capital letters: AB:CD:..., 32 bytes",
    ),
    "POINT_APPLE_APP_IDS": (
        re.compile(r"[A-Z0-9]{10}(\.[A-Za-z0-9-]+)+"), "ids such as A1B2C3D4E5.org.pointapp.point",
    ),
    "POINT_MAIL_FROM": (
        re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"),
        "an address such as point@example.org",
    ),
    "POINT_DNS_SERVERS": (re.compile(r"(\d{1,3}\.){3}\d{1,3}:\d{1,5}"), "addresses such as 127.0.0.1:53"),
    "POINT_PLAY_STORE_URL": (_HTTPS, "an https address"),
    "POINT_APP_STORE_URL": (_HTTPS, "an https address"),
}  # fmt: skip


class SettingsError(Exception):
    """A setting is missing or cannot work; the message names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, checked. Times are in seconds, addresses without a trailing slash."""

    base_url: str
    database_url: str
    secret_keys: tuple[str, ...]
    redis_url: str | None = None
    loopback_okta: bool = False
    ca_bundle: str | None = None
    okta_domains: tuple[str, ...] = ()
    smtp_url: str | None = None
    mail_from: str = ""
    dns_servers: tuple[str, ...] = ()
    trusted_proxies: int = 0
    attempt_seconds: int = 600
    recheck_seconds: int = 600
    away_seconds: int = 3600
    metadata_seconds: int = 3600
    native_scheme: str = "org.pointapp.point"
    android_package: str = ""
    android_certificates: tuple[str, ...] = ()
    apple_app_ids: tuple[str, ...] = ()
    play_store_url: str = ""
    app_store_url: str = ""
    support_email: str = "support@pointapp.org"
    instance: Path = Path("instance")
    log_level: str = "info"
    demo: bool = False

    @property
    def secure(self) -> bool:
        """True where cookies carry `Secure` and the `__Host-` prefix."""
        return self.base_url.startswith("https://")

    @property
    def redirect_uri(self) -> str:
        """Where Okta sends people back on the web."""
        return self.base_url + "/login/callback"


def read_settings(environ: Mapping[str, str], instance: Path) -> Settings:
    """The settings that `environ` asks for.

    `instance` is the folder for what the portal writes by itself (database, keys, mails).
    Raises SettingsError naming the setting that is missing or cannot work.
    """
    base_url = _origin(environ.get("POINT_BASE_URL") or "http://localhost:5000")
    local = base_url.split("//")[1].split(":")[0] in LOOPBACK_HOSTS or "[::1]" in base_url
    settings = Settings(
        base_url=base_url,
        database_url=environ.get("POINT_DATABASE_URL") or f"sqlite:///{instance.absolute() / 'portal.db'}",
        secret_keys=_secret_keys(environ.get("POINT_SECRET_KEYS", ""), instance if local else None),
        redis_url=environ.get("POINT_REDIS_URL") or None,
        loopback_okta=_switch(environ, "POINT_LOOPBACK_OKTA"),
        ca_bundle=_file(environ, "POINT_CA_BUNDLE"),
        okta_domains=_suffixes(environ.get("POINT_OKTA_DOMAINS", "")),
        smtp_url=_smtp_url(environ.get("POINT_SMTP_URL", "").strip()),
        mail_from=_shaped(environ, "POINT_MAIL_FROM"),
        dns_servers=_all_shaped(environ, "POINT_DNS_SERVERS"),
        trusted_proxies=_number(environ, "POINT_TRUSTED_PROXIES", 0, 0, 10),
        attempt_seconds=_number(environ, "POINT_ATTEMPT_SECONDS", 600, 10, 3600),
        recheck_seconds=_number(environ, "POINT_RECHECK_SECONDS", 600, 1, 86400),
        away_seconds=_number(environ, "POINT_AWAY_SECONDS", 3600, 0, 86400),
        metadata_seconds=_number(environ, "POINT_METADATA_SECONDS", 3600, 1, 86400),
        native_scheme=_scheme(environ.get("POINT_NATIVE_SCHEME") or "org.pointapp.point"),
        android_package=_shaped(environ, "POINT_ANDROID_PACKAGE"),
        android_certificates=_all_shaped(environ, "POINT_ANDROID_CERTIFICATES"),
        apple_app_ids=_all_shaped(environ, "POINT_APPLE_APP_IDS"),
        play_store_url=_shaped(environ, "POINT_PLAY_STORE_URL"),
        app_store_url=_shaped(environ, "POINT_APP_STORE_URL"),
        support_email=environ.get("POINT_SUPPORT_EMAIL") or "support@pointapp.org",
        instance=instance,
        log_level=_one_of(environ, "POINT_LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
        demo=_switch(environ, "POINT_DEMO"),
    )
    for name, used in (("POINT_LOOPBACK_OKTA", settings.loopback_okta), ("POINT_DEMO", settings.demo)):
        if used and not local:
            raise SettingsError(f"{name} works only while POINT_BASE_URL is on loopback (it is {base_url})")
    if settings.android_certificates and not settings.android_package:
        raise SettingsError("POINT_ANDROID_CERTIFICATES says who signs an app: POINT_ANDROID_PACKAGE has to name it")
    return settings


def _origin(text: str) -> str:
    match = _ORIGIN.fullmatch(text)
    if not match or (match[3] and not 0 < int(match[3]) < 65536):
        raise SettingsError(f"POINT_BASE_URL has to be an origin such as https://dash.pointapp.org, not {text!r}")
    if match[1] == "http" and match[2] not in LOOPBACK_HOSTS:
        raise SettingsError("POINT_BASE_URL has to start with https:// unless it is on loopback")
    return text.rstrip("/")


def _smtp_url(text: str) -> str | None:
    """The address of the mail server. What is wrong with it is said without it: it holds a password."""
    try:
        url = urlsplit(text)
        fits = url.scheme in ("smtp", "smtps") and bool(url.hostname) and url.path in ("", "/") and url.port != 0
    except ValueError:
        fits = False
    if text and (not fits or url.query or url.fragment or (url.password and not url.username)):
        raise SettingsError("POINT_SMTP_URL has to look like smtp://user:password@mail.example.org:587, or smtps://...")
    return text or None


def _secret_keys(text: str, instance: Path | None) -> tuple[str, ...]:
    """The keys, newest first; on a developer's machine they are made once and kept in `instance`."""
    keys = _words(text)
    if not keys and instance is not None:
        keys = _words(_generated(instance / "secret_keys"))
    if not keys:
        raise SettingsError("POINT_SECRET_KEYS is required: comma-separated, newest first, each 32 characters or more")
    if any(len(key) < 32 or len(set(key)) < 8 for key in keys):
        raise SettingsError("POINT_SECRET_KEYS: each key has to be 32 random characters or more")
    return keys


def _generated(stored: Path) -> str:
    """The content of the file of keys, which the first of several starters makes whole or not at all."""
    stored.parent.mkdir(parents=True, exist_ok=True)
    if not stored.exists():
        draft = stored.with_name(f"{stored.name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            stored.hardlink_to(draft)
        draft.unlink()
    return stored.read_text()


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _suffixes(text: str) -> tuple[str, ...]:
    """Names that count as Okta. A whole top-level domain would make every host below it one."""
    names = _words(text.lower())
    for name in names:
        if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", name):
            raise SettingsError(f"POINT_OKTA_DOMAINS has to hold names such as id.example.org, not {name!r}")
    return names


def _switch(environ: Mapping[str, str], name: str) -> bool:
    return _one_of(environ, name, "0", ("0", "1", "")) == "1"


def _one_of(environ: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = environ.get(name, default).strip().lower()
    if value not in allowed:
        raise SettingsError(f"{name} has to be one of {', '.join(word for word in allowed if word)}, not {value!r}")
    return value


def _shaped(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    return _in_shape(name, value) if value else ""


def _all_shaped(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(_in_shape(name, value) for value in _words(environ.get(name, "")))


def _in_shape(name: str, value: str) -> str:
    shape, said = _SHAPES[name]
    if not shape.fullmatch(value):
        raise SettingsError(f"{name} has to be {said}, not {value!r}")
    return value


def _number(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
        raise SettingsError(f"{name} has to be a whole number from {low} to {high}, not {text!r}")
    return int(text)


def _file(environ: Mapping[str, str], name: str) -> str | None:
    path = environ.get(name) or None
    if path is not None and not Path(path).is_file():
        raise SettingsError(f"{name}: there is no file {path}")
    return path


def _scheme(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+", text):
        raise SettingsError(f"POINT_NATIVE_SCHEME has to be a reverse name such as org.pointapp.point, not {text!r}")
    return text
