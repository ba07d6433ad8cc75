"""What the authorization servers have handed out: codes, refresh tokens and access tokens.

A `SignIn` is the family of all tokens that come from one sign-in; using a refresh token again after its
leeway ends the family.
"""

import secrets
from dataclasses import dataclass, field

from okta_sandbox.errors import OAuthError

CODE_SECONDS = 300
INTERACTION_CODE_SECONDS = 60


@dataclass
class SignIn:
    id: str
    client_id: str
    server_id: str
    person_id: str
    scopes: list[str]
    grant: str
    auth_time: int
    expires_at: float | None = None
    idle_seconds: float = 0.0
    used_at: float = 0.0
    refresh_token: str = ""
    retired: dict[str, float] = field(default_factory=dict)
    """Rotated refresh tokens and when each was replaced."""
    dead: bool = False
    amr: list[str] = field(default_factory=lambda: ["pwd"])
    identity_provider: str = ""
    """The id of the external identity provider that vouched for the person; "" is the org itself."""

    def alive(self, now: float) -> bool:
        in_time = self.expires_at is None or now < self.expires_at
        return not self.dead and in_time and now < self.used_at + self.idle_seconds


@dataclass
class Code:
    value: str
    sign_in: SignIn
    redirect_uri: str
    challenge: str
    nonce: str
    expires_at: float


@dataclass
class AccessToken:
    value: str
    jti: str
    sign_in_id: str
    client_id: str
    server_id: str
    person_id: str
    scopes: list[str]
    issuer: str
    audience: str
    issued_at: int
    expires_at: int
    revoked: bool = False


class Grants:
    """All of an org's grants. The caller holds the org's lock."""

    def __init__(self) -> None:
        self.codes: dict[str, Code] = {}
        self.interaction_codes: dict[str, Code] = {}
        self.sign_ins: dict[str, SignIn] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self._issued = 0

    def add_code(self, sign_in: SignIn, redirect_uri: str, challenge: str, nonce: str, *, now: float) -> str:
        code = Code(secrets.token_urlsafe(32), sign_in, redirect_uri, challenge, nonce, now + CODE_SECONDS)
        self.codes[code.value] = code
        self._forget_expired(now)
        return code.value

    def add_interaction_code(self, sign_in: SignIn, redirect_uri: str, challenge: str, nonce: str, *,
                             now: float) -> str:
        value, expires_at = secrets.token_urlsafe(32), now + INTERACTION_CODE_SECONDS
        self.interaction_codes[value] = Code(value, sign_in, redirect_uri, challenge, nonce, expires_at)
        self._forget_expired(now)
        return value

    def start_refreshing(self, sign_in: SignIn, *, now: float) -> None:
        sign_in.used_at = now
        self.sign_ins[sign_in.id] = sign_in
        self._renew(sign_in)

    def use_refresh_token(self, value: str, client_id: str, leeway: int | None, *, now: float) -> SignIn:
        """The sign-in a refresh token belongs to, rotated when `leeway` is not None.

        Inside the leeway a token that was rotated already leads to its successor again.
        """
        sign_in = self.sign_ins.get(self.refresh_tokens.get(value, ""))
        if sign_in is None or not sign_in.alive(now):
            raise OAuthError("invalid_refresh_token")
        if sign_in.client_id != client_id:
            raise OAuthError("mismatched_client")
        if value != sign_in.refresh_token:
            if now >= sign_in.retired[value] + (leeway or 0):
                self.end(sign_in)
                raise OAuthError("invalid_refresh_token")
        elif leeway is not None:
            sign_in.retired[value] = now
            self._renew(sign_in)
        sign_in.used_at = now
        return sign_in

    def end(self, sign_in: SignIn) -> None:
        """Ends the newest refresh token and every access token since the sign-in."""
        sign_in.dead = True
        for token in self.access_tokens.values():
            if token.sign_in_id == sign_in.id:
                token.revoked = True

    def end_of(self, person_id: str) -> None:
        for sign_in in self.sign_ins.values():
            if sign_in.person_id == person_id:
                self.end(sign_in)
        for token in self.access_tokens.values():
            if token.person_id == person_id:
                token.revoked = True

    def restore(self, sign_ins: list[SignIn], access_tokens: list[AccessToken]) -> None:
        self.sign_ins = {sign_in.id: sign_in for sign_in in sign_ins}
        self.access_tokens = {token.value: token for token in access_tokens}
        for sign_in in sign_ins:
            for value in [sign_in.refresh_token, *sign_in.retired]:
                self.refresh_tokens[value] = sign_in.id

    def _renew(self, sign_in: SignIn) -> None:
        sign_in.refresh_token = secrets.token_urlsafe(32)
        self.refresh_tokens[sign_in.refresh_token] = sign_in.id

    def _forget_expired(self, now: float) -> None:
        """Keeps a long-lived sandbox small; looking at everything at each login would be slow."""
        self._issued += 1
        if self._issued % 500:
            return
        self.codes = {value: code for value, code in self.codes.items() if code.expires_at > now}
        self.interaction_codes = {key: code for key, code in self.interaction_codes.items() if code.expires_at > now}
        self.access_tokens = {value: token for value, token in self.access_tokens.items() if token.expires_at > now}
        self.sign_ins = {name: one for name, one in self.sign_ins.items() if one.alive(now)}
        self.refresh_tokens = {value: name for value, name in self.refresh_tokens.items() if name in self.sign_ins}
