"""What the app sends and gets, as types: they check the requests, write the answers and make the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

# In Python the `$` of a pattern lets a line feed at the end pass: what is stored has a length. Examples: RFC 7636 B.
Email = Annotated[
    str, Meta(min_length=3, max_length=254, description="An e-mail address.", examples=["alice@acme.example"])
]
Slug = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        max_length=63,
        description="An organization's slug.",
        examples=["acme"],
    ),
]
# RFC 7636 4.1 and 4.2.
Challenge = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]{43}$",
        max_length=43,
        description="base64url(SHA-256(code_verifier)).",
        examples=["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
    ),
]
Verifier = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9._~-]{43,128}$",
        max_length=128,
        description="Kept by the app since `/login`.",
        examples=["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"],
    ),
]


def _link(example: str) -> Meta:
    """What is too short or too long is no link of ours, and that is said as a problem of the link."""
    shape = {"minLength": 1, "maxLength": 8192, "examples": [example]}
    return Meta(
        description="The deep link that the app was opened with, exactly as it came.", extra_json_schema=shape
    )


LoginLink = Annotated[str, _link("org.pointapp.point:/login?code=uX3bW0t&state=native-mK4vYc8s")]
LogoutLink = Annotated[str, _link("org.pointapp.point:/logout?state=native-mK4vYc8s")]
Seconds = Annotated[int, Meta(ge=0, description="Seconds.")]
Time = Annotated[int, Meta(ge=0, description="Seconds since 1970-01-01T00:00:00Z.")]


class Discover(Struct, kw_only=True, omit_defaults=True):
    """Whose login it is: an address or, where the app knows it, the organization."""

    email: Email | None = None
    organization: Slug | None = None


class Organization(Struct, kw_only=True):
    """An organization at POINT."""

    slug: str
    name: str


class Method(Struct, kw_only=True):
    """A way to log in. `flow`: "redirect" opens a page in the system browser, "embedded" is the app's own form."""

    type: Literal["okta", "password"]
    flow: Literal["redirect", "embedded"]


class Discovered(Struct, kw_only=True):
    """The same for known and unknown addresses; `organization` is null for a domain that nobody has verified."""

    organization: Organization | None
    methods: list[Method]


class Login(Struct, kw_only=True, omit_defaults=True):
    """Starts a login. Without `organization` the person is asked for an e-mail address first.

    `method` chooses where both are offered (Okta by default); `app_link` wants the return as an https link that the
    app has claimed, in the place of the private scheme.
    """

    code_challenge: Challenge
    code_challenge_method: Literal["S256"]
    organization: Slug | None = None
    login_hint: Email | None = None
    method: Literal["okta", "password"] | None = None
    flow: Literal["redirect", "embedded"] = "redirect"
    app_link: bool = False


class LoginStarted(Struct, kw_only=True):
    """Open `authorization_url` in the system browser, never in a WebView (RFC 8252 8.12); keep `state`."""

    authorization_url: str
    state: str
    redirect_uri: str
    expires_in: Seconds


class EmbeddedStarted(Struct, kw_only=True):
    """What the app gives to Okta's `interact`; the verifier of this challenge stays on the server."""

    state: str
    nonce: str
    code_challenge: str
    code_challenge_method: Literal["S256"]
    issuer: str
    client_id: str
    redirect_uri: str
    scopes: list[str]
    expires_in: Seconds


class Complete(Struct, kw_only=True, omit_defaults=True):
    """Finishes a login: the deep link that came, and the verifier that only the app that began it has."""

    deep_link: LoginLink
    code_verifier: Verifier
    device: Annotated[str, Meta(max_length=100, description="What the person calls this phone.")] | None = None


class User(Struct, kw_only=True):
    """Who is logged in. `id` is a UUID that stays the same for ever; the address may change."""

    id: str
    email: str
    name: str
    role: Literal["owner", "admin", "volunteer"]


class Tokens(Struct, kw_only=True):
    """POINT's tokens: the access token for ten minutes, the refresh token for one use."""

    access_token: str
    token_type: Literal["Bearer", "DPoP"]
    expires_in: Seconds
    refresh_token: str
    user: User
    organization: Organization


class Refresh(Struct, kw_only=True):
    """Asks for the next tokens. Lost the answer? The same token gives the same answer again for 30 seconds."""

    refresh_token: Annotated[str, Meta(min_length=20, max_length=200)]


class Session(Struct, kw_only=True):
    """A login that is still good, in a browser or an app."""

    id: str
    kind: Literal["web", "phone"]
    method: Literal["okta", "password", "recovery"]
    organization: str
    device: str | None
    created_at: Time
    used_at: Time
    expires_at: Time
    current: bool


class Me(Struct, kw_only=True):
    """Who the access token stands for."""

    user: User
    organization: Organization
    method: Literal["okta", "password"]
    session_id: str
    expires_at: Time


class Sessions(Struct, kw_only=True):
    """All logins of this person, the last used first."""

    sessions: list[Session]


class Logout(Struct, kw_only=True, omit_defaults=True):
    """`okta`: also end the session at Okta, for which the app then opens `logout_url`."""

    okta: bool = False


class LoggedOut(Struct, kw_only=True):
    """POINT's tokens are dead already. `logout_url` is null where there is nothing to end at Okta."""

    logout_url: str | None
    state: str | None


class LogoutReturn(Struct, kw_only=True):
    """The deep link that Okta sent the person back with."""

    deep_link: LogoutLink


class Jwk(Struct, kw_only=True):
    """A public key (RFC 7517)."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    use: Literal["sig"]
    alg: Literal["ES256"]
    kid: str


class Jwks(Struct, kw_only=True):
    """The keys that verify POINT's access tokens."""

    keys: list[Jwk]


class ProblemDetails(Struct, kw_only=True):
    """RFC 9457. `code` is stable, `reason` finer; `reference` is what a person reads out to support; `field`, where it
    is there, names the member of the request that is meant."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    reason: str
    reference: str
    retryable: bool
    field: str | UnsetType = UNSET
