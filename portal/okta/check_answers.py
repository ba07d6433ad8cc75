"""What an Okta's answers about one app mean, step by step. Only reads; each row is a verdict, never an exception."""

from __future__ import annotations

from dataclasses import dataclass

from portal.okta.check_rows import Found, login, right, silent, unknown, wrong
from portal.okta.embedded import Cause
from portal.okta.interact_answers import (
    Heard,
    join_names,
    judge_origin,
    judge_policy,
    read_interaction,
)
from portal.okta.probe_answers import AuthorizeSaid, TokenSaid, read_authorize, read_token
from portal.okta.steps import App

# What /authorize says when a login may begin and somebody would have to be asked.
_BEGINS = frozenset({"login_required", "interaction_required", "consent_required"})
_GRANT_OFF = frozenset({"unsupported_response_type", "unauthorized_client"})
_KNOWN = frozenset({"allowed", "grant_off", "confidential", "dpop", "service"})
_NOT_PUBLIC = {
    "confidential": ("client_confidential", "wants a client secret"),
    "dpop": ("dpop_required", "demands DPoP"),
    "service": ("service_app", "an API service"),
}


@dataclass(frozen=True, slots=True)
class AppHeard:
    """The answers about one app.

    denied   -- its metadata said that there is no such client.
    code, refresh -- /token for what does not exist.   authorize -- with offline_access.
    reduced  -- /authorize without offline_access, NOTHING unless the one with it was refused for its scope.
    """

    kind: App
    client_id: str
    redirect_uri: str
    denied: bool
    code: Heard
    refresh: Heard
    authorize: Heard
    reduced: Heard

    @property
    def authorized(self) -> AuthorizeSaid:
        return _read_authorize(self.authorize, self.redirect_uri)

    @property
    def tokens(self) -> tuple[TokenSaid, TokenSaid]:
        return _read_token(self.code), _read_token(self.refresh)


@dataclass(frozen=True, slots=True)
class WidgetHeard:
    """The answers to what the widget asks; ours and strangers are NOTHING where no page of ours signs anybody in."""

    interacted: Heard
    introspected: Heard
    ours: Heard
    strangers: Heard


def _read_authorize(heard: Heard, redirect_uri: str) -> AuthorizeSaid:
    return read_authorize(heard.answer, redirect_uri) if heard.answer else AuthorizeSaid("")


def _read_token(heard: Heard) -> TokenSaid:
    return read_token(heard.answer) if heard.answer else TokenSaid("")


def judge_app(app: AppHeard, sign_out_uri: str) -> list[Found]:
    """The rows that the app's own answers decide, all but the redirect URI's: that one may hang on the other app."""
    client = judge_client(app)
    if client.verdict != "right":
        return [client]
    return [
        client,
        _judge_public(app),
        _judge_code(app),
        _judge_refresh(app),
        _judge_offline(app),
        login(f"{app.kind}.sign_out_uri", sign_out_uri),
        login(f"{app.kind}.assignments"),
    ]


def judge_client(app: AppHeard) -> Found:
    """Whatever speaks of the app's settings knows the app; inactive and unknown look the same (facts 3.3)."""
    step, said = f"{app.kind}.client", app.tokens
    if any(one.kind in _KNOWN for one in said) or app.authorized.kind in ("sent_back", "redirect_uri", "service"):
        return right(step, app.client_id)
    if app.denied or any(one.kind == "client" for one in said) or app.authorized.kind == "client":
        return wrong(step, "client_unknown", app.client_id)
    return silent(step, app.code)


def _judge_public(app: AppHeard) -> Found:
    step, said = f"{app.kind}.public", app.tokens
    for kind in (app.authorized.kind, *(one.kind for one in said)):
        if kind in _NOT_PUBLIC:
            return wrong(step, *_NOT_PUBLIC[kind], "no client secret, PKCE")
    if any(one.kind in ("allowed", "grant_off") for one in said):
        return right(step, "no client secret, PKCE")
    return silent(step, app.code)


def _judge_code(app: AppHeard) -> Found:
    step, said = f"{app.kind}.authorization_code", app.authorized
    found = _judge_grant(step, "authorization_code", app.tokens[0], _listed(app))
    if found is None and said.kind == "sent_back":
        if said.error in _GRANT_OFF:
            return wrong(step, "grant_missing", "", "authorization_code")
        if said.error in _BEGINS:
            return right(step, "authorization_code")
    return found or _not_told(step, app.code)


def _judge_refresh(app: AppHeard) -> Found:
    step = f"{app.kind}.refresh_token"
    return _judge_grant(step, "refresh_token", app.tokens[1], _listed(app)) or _not_told(step, app.refresh)


def _judge_grant(step: str, grant: str, said: TokenSaid, listed: tuple[str, ...] | None) -> Found | None:
    """What /token says about its own grant, or the list in its refusal of another one."""
    if said.kind == "allowed" or (listed is not None and grant in listed and said.kind != "grant_off"):
        return right(step, grant)
    if listed is not None and grant in listed:
        return unknown(step, "unclear", "refused although ticked", grant)
    if said.kind == "grant_off" or listed is not None:
        return wrong(step, "grant_missing", join_names(listed or ()), grant)
    return None


def _listed(app: AppHeard) -> tuple[str, ...] | None:
    return next((said.grants for said in app.tokens if said.grants is not None), None)


def _judge_offline(app: AppHeard) -> Found:
    """Without the Refresh Token grant nothing can be said: Okta refuses the scope for that as well."""
    step, said = f"{app.kind}.offline_access", app.authorized
    if said.kind != "sent_back":
        return _not_told(step, app.authorize)
    if said.error in _BEGINS:
        return right(step, "offline_access")
    without = _read_authorize(app.reduced, app.redirect_uri)
    if said.error == "invalid_scope" and without.error in _BEGINS and _judge_refresh(app).verdict == "right":
        return wrong(step, "offline_access_refused", "invalid_scope", "offline_access")
    return unknown(step, "not_told", said.error, "offline_access")


def judge_redirect_uri(app: AppHeard) -> Found:
    """Okta compares it to the letter, and shows its own page when it does not know it (facts 2.1, 2.2)."""
    step, said = f"{app.kind}.redirect_uri", app.authorized
    if said.kind == "sent_back":
        return right(step, expected=app.redirect_uri)
    if said.kind == "redirect_uri":
        return wrong(step, "redirect_uri_missing", "not registered", app.redirect_uri)
    return _not_told(step, app.authorize, app.redirect_uri)


def _not_told(step: str, heard: Heard, expected: str = "") -> Found:
    """A refusal that was about something else tells nothing; a silence is named."""
    spoken = heard.answer is not None and 300 <= heard.status < 500 and heard.status != 429
    return unknown(step, "not_told", "", expected) if spoken else silent(step, heard, expected)


def judge_interaction_code(app: AppHeard, heard: WidgetHeard) -> Found:
    """The grant on the app, from /interact or from the list in a refusal of /token."""
    step, begun = f"{app.kind}.interaction_code", read_interaction(heard.interacted)
    cause, _, grants = begun
    if cause is None:
        return right(step, "interaction_code")
    if cause is Cause.APP_GRANT_MISSING:
        return wrong(step, "grant_missing", join_names(grants or ()), "interaction_code")
    listed = _listed(app)
    # Switching the flow off for the org takes it from every app as well: that is nothing to tick here.
    if cause is not Cause.ORG_SETTING_OFF and listed is not None:
        ticked = "interaction_code" in listed
        return right(step, "interaction_code") if ticked else wrong(
            step, "grant_missing", join_names(listed), "interaction_code"
        )
    return _not_told(step, heard.interacted, "interaction_code")


def judge_setting(heards: list[WidgetHeard], *, classic: bool) -> Found:
    """The org's own switch, from any app that could begin or was told."""
    step = "interaction_code_setting"
    causes = [read_interaction(heard.interacted)[0] for heard in heards]
    if None in causes:
        return right(step, "on")
    if Cause.ORG_SETTING_OFF in causes:
        # Where the engine has no such setting there is nothing to switch on.
        return unknown(step, "not_in_classic") if classic else wrong(step, "org_setting_off", "off", "on")
    return _not_told(step, heards[0].interacted, "on")


def judge_access_policy(kind: App, heard: WidgetHeard) -> Found:
    """Whether a rule of the authorization server lets the flow through; the org's own server has no rules."""
    step = f"{kind}.access_policy"
    begun = read_interaction(heard.interacted)[0]
    row, _ = judge_policy(heard.introspected, begun)
    if begun is not None:
        return unknown(step, "not_asked")
    if row.verdict == "wrong":
        return wrong(step, "policy_grant_missing", row.found, "interaction_code")
    return right(step, row.found) if row.verdict == "right" else silent(step, heard.introspected)


def judge_trusted_origin(heard: WidgetHeard, origin: str) -> Found:
    """Whether a page of ours may read what the widget asks; compared with a page that nobody has set up."""
    row, cause = judge_origin(heard.ours, heard.strangers, origin)
    if row.verdict == "right":
        return right("trusted_origin", row.found, origin)
    if row.verdict == "wrong":
        return wrong("trusted_origin", "origin_not_trusted", row.found, origin)
    if cause is None:
        return unknown("trusted_origin", "not_comparable", row.found, origin)
    if cause is Cause.UNCLEAR:
        return unknown("trusted_origin", "unclear", row.found, origin)
    return silent("trusted_origin", heard.ours, origin)

