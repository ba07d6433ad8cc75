"""Who and what an org holds: people, apps, groups, authorization servers with their policies, trusted origins.

Apps, policies and the like are kept as the JSON of the Management API; the classes here only read it.
"""

import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
ORG_SERVER = ""
"""The id that stands for the org authorization server, whose paths carry none."""
OPENID_SCOPES = ("openid", "profile", "email", "address", "phone", "offline_access", "device_sso")
MANAGED_SCOPES = (
    "okta.myAccount.email.read", "okta.myAccount.manage", "okta.myAccount.password.read",
    "okta.myAccount.profile.manage", "okta.myAccount.profile.read", "okta.myAccount.read",
)


def make_id(prefix: str) -> str:
    alphabet = string.ascii_letters + string.digits
    return prefix + "".join(secrets.choice(alphabet) for _ in range(20 - len(prefix)))


def format_time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def make_group(group_id: str, name: str, now: float, *, built_in: bool = False) -> Json:
    return {
        "id": group_id, "created": format_time(now), "lastUpdated": format_time(now),
        "type": "BUILT_IN" if built_in else "OKTA_GROUP",
        "lastMembershipUpdated": format_time(now), "objectClass": ["okta:user_group"],
        "profile": {"name": name, "description": "All users in your organization" if built_in else ""},
    }


@dataclass
class Person:
    id: str
    email: str
    given_name: str
    family_name: str
    password: str
    active: bool = True
    created: float = 0.0
    email_code: bool = False
    """A code from an e-mail is due after the password, in an embedded sign-in."""
    claims: Json = field(default_factory=dict)
    """Overrides in tokens and userinfo; None takes a claim away."""
    groups: list[str] = field(default_factory=list)
    """The ids of groups that somebody has put the person in; in Everyone is everybody."""

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}".strip()

    def profile(self, scopes: list[str]) -> Json:
        """The claims of an ID token; userinfo has more."""
        claims: Json = {}
        if "profile" in scopes:
            claims |= {"name": self.name, "preferred_username": self.email}
        if "email" in scopes:
            claims |= {"email": self.email, "email_verified": True}
        claims |= self.claims
        return {name: value for name, value in claims.items() if value is not None}

    def userinfo(self, scopes: list[str]) -> Json:
        claims: Json = {"sub": self.id}
        if "profile" in scopes:
            claims |= {
                "locale": "en_US", "zoneinfo": "America/Los_Angeles", "updated_at": int(self.created),
                "given_name": self.given_name, "family_name": self.family_name,
            }
        return claims | self.profile(scopes)


@dataclass
class App:
    """An app integration; `json` is what the Management API shows, without its links."""

    json: Json
    groups: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    groups_filter: Json | None = None
    """The "Groups claim filter" of the tab Sign On; the public Management API does not show it."""

    @property
    def client_id(self) -> str:
        return str(self.json["id"])

    @property
    def active(self) -> bool:
        return bool(self.json["status"] == "ACTIVE")

    @property
    def oauth(self) -> Json:
        settings: Json = self.json["settings"]["oauthClient"]
        return settings

    @property
    def credentials(self) -> Json:
        credentials: Json = self.json["credentials"]["oauthClient"]
        return credentials

    @property
    def public(self) -> bool:
        return bool(self.credentials["token_endpoint_auth_method"] == "none")

    @property
    def grants(self) -> list[str]:
        grants: list[str] = self.oauth["grant_types"]
        return grants

    @property
    def leeway(self) -> int | None:
        """Seconds for which a rotated refresh token still works; None when refresh tokens are not rotated."""
        settings = self.oauth.get("refresh_token") or {}
        return int(settings.get("leeway", 30)) if settings.get("rotation_type") == "ROTATE" else None

    def assigned(self, person: Person, groups: set[str]) -> bool:
        everybody = bool(self.json["settings"].get("implicitAssignment"))
        return everybody or person.id in self.people or bool(self.groups & groups)


RESOURCES = ("apps", "groups", "users", "trustedOrigins", "authorizationServers", "api-tokens")


@dataclass
class ApiToken:
    """may -- the resources it may change; it may read all of them, save for those in `blind`. until -- epoch seconds.
    lasting -- cannot be revoked."""

    may: tuple[str, ...] = RESOURCES
    blind: tuple[str, ...] = ()
    until: float | None = None
    lasting: bool = False


@dataclass
class AuthorizationServer:
    """`id` is "" for the org authorization server, which knows no policies."""

    id: str
    json: Json = field(default_factory=dict)
    policies: dict[str, Json] = field(default_factory=dict)
    rules: dict[str, dict[str, Json]] = field(default_factory=dict)
    claims: dict[str, Json] = field(default_factory=dict)
    """Definitions of claims as the Management API has them; only groups are imitated, and only in ID tokens."""

    @property
    def is_org(self) -> bool:
        return self.id == ORG_SERVER

    @property
    def scopes(self) -> list[str]:
        scopes = [*OPENID_SCOPES, *MANAGED_SCOPES]
        return [*scopes, "groups"] if self.is_org else scopes

    def issuer(self, base: str) -> str:
        return base if self.is_org else f"{base}/oauth2/{self.id}"

    def endpoints(self, base: str) -> str:
        return f"{base}/oauth2/v1" if self.is_org else f"{base}/oauth2/{self.id}/v1"
