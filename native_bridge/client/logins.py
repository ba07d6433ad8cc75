"""A login or logout under way, from before the browser opens until its deep link has been dealt with.

The browser takes minutes, and meanwhile the system may end the app. So everything that the return needs is on file
before the browser opens, under its state, and whichever process the deep link reaches finishes it. Nothing is kept in
memory, and nothing that is not on file is believed.
"""

from __future__ import annotations

import hashlib
import platform
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from urllib.parse import parse_qsl

from native_bridge.client import dpop, keeping, tokens
from native_bridge.client.server import Json, Refused, call, call_twice, demand_web_page

SCHEME = "org.pointapp.point"
# One slash: in `org.pointapp.point://login` the word "login" would be a host, and it is another address for Okta.
ADDRESSES = {"login": f"{SCHEME}:/login", "logout": f"{SCHEME}:/logout"}
_PURPOSES = {address: purpose for purpose, address in ADDRESSES.items()}
_LOGOUT_SECONDS = 600
_LINK = re.compile(r"[!-\[\]-~]{1,8192}")  # what a link of ours can consist of: visible ASCII without a backslash
_TEST_STATE = re.compile(r"trial-[A-Za-z0-9_-]{44}")
# Refusals after which the same login can still succeed: a stranger can cause them, or one more step is needed.
_STILL_OPEN = {"deep_link_invalid", "attempt_unknown", "login_required_at_okta", "proof_refused", "internal"}


@dataclass
class Attempt:
    """purpose -- "login" or "logout"; times in epoch seconds. `outcome` is there once it is over, and the verifier is
    gone then; `note` is what went wrong with a return that has not ended it."""

    purpose: str
    state: str
    server: str
    created: float
    expires: float
    code_verifier: str = ""
    dpop_key: Json | None = None
    outcome: Json | None = None
    note: str = ""


def begin(server: str, wish: Json, *, with_dpop: bool) -> tuple[str, str]:
    """The name of a new attempt on file and the address for the system browser. wish -- more members for POST /login.

    Raises Refused.
    """
    # RFC 7636 4.1 and 4.2. The verifier stays here until /login/complete: neither browser nor deep link ever has it.
    code_verifier = secrets.token_urlsafe(32)
    challenge = urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).decode().rstrip("=")
    sent = {**wish, "code_challenge": challenge, "code_challenge_method": "S256"}
    started = call(server, "POST", "/login", sent)
    if started["redirect_uri"] != ADDRESSES["login"]:
        raise Refused("other_scheme", f"This POINT returns to {started['redirect_uri']}, which is another app.")
    key = dpop.make_key() if with_dpop else None
    now = time.time()
    attempt = Attempt("login", started["state"], server, now, now + started["expires_in"], code_verifier, key)
    return _keep(attempt), demand_web_page(started["authorization_url"])


def begin_logout(server: str, state: str) -> str:
    """The name of the attempt under which the return from signing out at Okta will be known."""
    now = time.time()
    return _keep(Attempt("logout", state, server, now, now + _LOGOUT_SECONDS))


def find(link: str) -> tuple[str, Attempt]:
    """The attempt that a deep link belongs to.

    Any app and any web page can open such a link. Its state comes before all else in it, so that a stranger's
    `?error=access_denied` ends nobody's login, and its address has to be ours exactly: what only begins like it, such
    as `org.pointapp.point:/login.evil`, is somebody else's. What the link says besides is for the bridge to judge.

    Raises Refused(deep_link_invalid, attempt_unknown); nothing has changed then.
    """
    purpose, state = _read_link(link)
    name = _name(state) if state else _last_logout(purpose)
    attempt = _read(name)
    if attempt is None or attempt.purpose != purpose:
        raise Refused("attempt_unknown", "This was not started here.", "Start again in this app.")
    return name, attempt


def is_test(link: str) -> bool:
    """Whether this link belongs to a test login, which nobody began in this app. Raises Refused(deep_link_invalid)."""
    return _TEST_STATE.fullmatch(_read_link(link)[1]) is not None


def hand_over(link: str, server: str) -> Json:
    """Gives the link of a test login to the bridge, which has the verifier. Raises Refused(test_login_done)."""
    if _read_link(link)[0] == "logout":
        return call(server, "POST", "/logout/complete", {"deep_link": link})
    # The bridge wants a verifier in every call; here it does not look at it.
    sent = {"deep_link": link, "code_verifier": secrets.token_urlsafe(32)}
    return call_twice(server, "POST", "/login/complete", sent)


def finish(link: str) -> Json:
    """What comes of a deep link; the second time the same again. Raises Refused."""
    name, attempt = find(link)
    # Two processes may get the same link, since some browsers hand it over twice.
    with keeping.lock(name):
        attempt = _read(name) or attempt
        if attempt.outcome is None:
            attempt.outcome = _settle(name, attempt, link)
    return _said(attempt.outcome)


def wait(name: str, say: Callable[[str], None]) -> Json:
    """Waits until the attempt is over, whichever process finishes it; `say` gets notes meanwhile. Raises Refused.

    Who stops waiting, or is killed, has cancelled nothing: switching to an authenticator app looks like going away.
    """
    said = ""
    while (attempt := _read(name)) and (attempt.outcome or attempt.expires > time.time()):
        if attempt.outcome:
            return _said(attempt.outcome)
        if attempt.note != said:
            said = attempt.note
            say(said)
        time.sleep(0.2)
    keeping.remove(name)
    raise Refused("attempt_expired", "This took too long.", "Start it again; it will be quick.")


def clean() -> None:
    """Forgets what is too old to come back, finished or not."""
    keeping.sweep()
    with suppress(Refused):  # A keyring that is shut now is open another time.
        for name in keeping.names("attempt-"):
            attempt = _read(name)
            if attempt is None or attempt.expires < time.time():
                keeping.remove(name)
                (keeping.folder() / f"{name}.lock").unlink(missing_ok=True)


def _read_link(link: str) -> tuple[str, str]:
    """(purpose, state or "") of a link whose address is ours exactly. Raises Refused(deep_link_invalid)."""
    address, _, query = link.partition("#")[0].partition("?")
    scheme, _, path = address.partition(":")
    # Upper and lower case are the same in the scheme alone (RFC 3986 section 6.2.2.1).
    purpose = _PURPOSES.get(f"{scheme.lower()}:{path}")
    if purpose is None or not _LINK.fullmatch(link):
        raise Refused("deep_link_invalid", "This link is not one of POINT's.")
    states = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == "state"]
    if len(states) > 1:
        raise Refused("deep_link_invalid", "This link is not one of POINT's.", reason="duplicate_parameter")
    return purpose, states[0] if states else ""


def _said(outcome: Json) -> Json:
    if "error" not in outcome:
        return outcome
    raise Refused(outcome["error"], **{name: value for name, value in outcome.items() if name != "error"})


def _settle(name: str, attempt: Attempt, link: str) -> Json:
    """Finishes an attempt and writes down what came of it, for whoever waits."""
    try:
        if attempt.expires < time.time():
            raise Refused("attempt_expired", "This took too long.", "Start it again; it will be quick.")
        outcome = _log_in(name, attempt, link) if attempt.purpose == "login" else _log_out(attempt, link)
    except Refused as refused:
        if refused.retryable or refused.code in _STILL_OPEN:
            attempt.note = f"{refused.title} {refused.detail}".strip()
            _keep(attempt)
            raise
        outcome = refused.as_json()
    # What has been used is not kept: of the attempt nothing remains but its outcome.
    _keep(Attempt(attempt.purpose, attempt.state, attempt.server, attempt.created, attempt.expires, outcome=outcome))
    return outcome


def _log_in(name: str, attempt: Attempt, link: str) -> Json:
    sent = {"deep_link": link, "code_verifier": attempt.code_verifier, "device": f"{platform.system()}, client"}
    answer = _complete(attempt, sent)
    tokens.keep(attempt.server, answer, family=name, key=attempt.dpop_key)
    return {"logged_in": True, "user": answer["user"], "organization": answer["organization"]}


def _complete(attempt: Attempt, sent: Json, tries: int = 10) -> Json:
    """The bridge's answer; it asks for patience while it deals with the same link sent from elsewhere."""
    try:
        return call_twice(attempt.server, "POST", "/login/complete", sent, key=attempt.dpop_key)
    except Refused as refused:
        if refused.code != "login_under_way" or tries <= 1:
            raise
    time.sleep(1)
    return _complete(attempt, sent, tries - 1)


def _log_out(attempt: Attempt, link: str) -> Json:
    """POINT has been left before. Whether Okta has, too, only a return with our state and without an error tells."""
    call(attempt.server, "POST", "/logout/complete", {"deep_link": link})
    names = dict(parse_qsl(link.partition("#")[0].partition("?")[2], keep_blank_values=True))
    sure = "state" in names and "error" not in names
    return {"logged_out": True, "okta": "ended" if sure else "not_sure"}


def _last_logout(purpose: str) -> str:
    """Okta gives the state of a logout back only if it got one: without, it is the last that was begun."""
    known = [_read(name) for name in keeping.names("attempt-")] if purpose == "logout" else []
    begun = [attempt for attempt in known if attempt and attempt.purpose == "logout"]
    return _name(max(begun, key=lambda attempt: attempt.created).state) if begun else ""


def _name(state: str) -> str:
    return "attempt-" + hashlib.sha256(state.encode()).hexdigest()[:40]


def _read(name: str) -> Attempt | None:
    kept = keeping.read(name) if name else None
    return Attempt(**kept) if kept else None


def _keep(attempt: Attempt) -> str:
    name = _name(attempt.state)
    keeping.write(name, asdict(attempt))
    return name
