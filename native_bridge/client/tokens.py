"""POINT's tokens: kept, used, refreshed by one process for all, and given back.

A refresh token is good for one use. When two processes used the same one, the second would get the first one's answer
for 30 seconds, and after that it would look like a theft and end the login for both. So there is a lock around it, and
who had to wait looks again at what is on file before asking.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict, dataclass

from native_bridge.client import keeping
from native_bridge.client.server import Json, Refused, call, call_twice

_EARLY = 30  # seconds by which an access token is taken as expired before it is


@dataclass(frozen=True)
class Login:
    """The tokens of one login. `family` is the attempt they come from, the same through all refreshes."""

    server: str
    family: str
    access_token: str
    refresh_token: str
    expires: float
    dpop_key: Json | None


def keep(server: str, answer: Json, *, family: str, key: Json | None) -> None:
    """Keeps the tokens of a new login; the one that was there before is ended at POINT, too."""
    with keeping.lock("login"):
        before = _read()
        if before and before.family == family:
            return  # The same answer once more, and ours may have been refreshed since.
        _write(_login(server, family, answer, key))
    if before:
        with suppress(Refused):  # It is off this device in any case.
            before = before if before.expires > time.time() else _ask_for_next(before)
            _call(before, "POST", "/logout", {"okta": False})


def use(method: str, path: str, sent: Json | None = None) -> Json:
    """POINT's answer to a call in the person's name. Raises Refused; as logged_out when there is no login any more."""
    login = load()
    if login.expires - _EARLY < time.time():
        login = refresh(login)
    try:
        return _call(login, method, path, sent)
    except Refused as refused:
        if refused.code != "token_refused":
            raise
    # Our clock may be slow. If the refresh token is refused as well, that was it.
    login = refresh(login)
    try:
        return _call(login, method, path, sent)
    except Refused as refused:
        raise _over(login, refused) from refused


def load() -> Login:
    """The login on file. Raises Refused(logged_out)."""
    login = _read()
    if login is None:
        raise _logged_out()
    return login


def refresh(seen: Login) -> Login:
    """The login with fresh tokens, which are on file before anybody uses them. `seen` -- what has to be replaced.

    Raises Refused; as logged_out when POINT has ended the login. With no answer, the old token stays on file.
    """
    with keeping.lock("login"):
        login = load()
        if login.refresh_token != seen.refresh_token:
            return login  # Another process was faster.
        try:
            login = _ask_for_next(login)
        except Refused as refused:
            if refused.code == "token_refused":
                keeping.remove("login")
                raise _logged_out(refused) from refused
            raise
        _write(login)
        return login


def log_out(*, okta: bool) -> tuple[str, Json]:
    """Ends the login, here whatever POINT says; answers its server and what POINT answered. Raises Refused."""
    login = load()
    try:
        try:
            return login.server, use("POST", "/logout", {"okta": okta})
        except Refused as refused:
            if refused.code != "unreachable":
                raise
            # Tokens that were logged out a moment ago may ask once more, for an answer that was lost.
            return login.server, use("POST", "/logout", {"okta": okta})
    finally:
        # Gone before a browser opens: whether, how and how often Okta sends the person back does not matter any more.
        _forget(login)


def _ask_for_next(login: Login) -> Login:
    sent = {"refresh_token": login.refresh_token}
    answer = call_twice(login.server, "POST", "/token", sent, key=login.dpop_key)
    return _login(login.server, login.family, answer, login.dpop_key)


def _call(login: Login, method: str, path: str, sent: Json | None) -> Json:
    return call(login.server, method, path, sent, access_token=login.access_token, key=login.dpop_key)


def _over(login: Login, refused: Refused) -> Refused:
    if refused.code != "token_refused":
        return refused
    _forget(login)
    return _logged_out(refused)


def _forget(login: Login) -> None:
    """Unless another login has taken its place meanwhile."""
    with keeping.lock("login"):
        kept = _read()
        if kept and kept.family == login.family:
            keeping.remove("login")


def _logged_out(refused: Refused | None = None) -> Refused:
    why, reference = (refused.reason, refused.reference) if refused else ("", "")
    return Refused("logged_out", "You are logged out.", "Log in to go on.", why, reference)


def _login(server: str, family: str, answer: Json, key: Json | None) -> Login:
    expires = time.time() + answer["expires_in"]
    return Login(server, family, answer["access_token"], answer["refresh_token"], expires, key)


def _read() -> Login | None:
    kept = keeping.read("login")
    return Login(**kept) if kept else None


def _write(login: Login) -> None:
    keeping.write("login", asdict(login))
