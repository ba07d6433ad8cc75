"""What every call of the app has in common: its body is read into a type, its bearer into a session, its answer is
written from a type, and all three are known to the OpenAPI document. No cookies, no forms, JSON only."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import msgspec
from flask import Blueprint, Response, g, request

from native_bridge import access_tokens, dpop
from native_bridge.answering import demand_live
from native_bridge.bridge import bridge
from portal.access import public
from portal.errors import Problem, Refused
from portal.store.phone_sessions import PhoneSession, find_phone_session

calls = Blueprint("native", __name__)
OPERATIONS: list[Operation] = []
_encode = msgspec.json.Encoder().encode
_session_id = re.compile(r"[A-Za-z0-9_-]{43}")
# Every call with a body may be turned down for its form, every call for coming too often.
_BODY = (400, 413, 415, 422)
_ALL = (429, 500, 503)
_LEFT_SECONDS = 60  # A logout whose answer was lost can be asked for again.


@dataclass(frozen=True, slots=True)
class Operation:
    """One call, as the OpenAPI document shows it. answers -- one of these types; refuses -- the statuses of its
    problems; proof -- whether a DPoP header means something."""

    method: str
    path: str
    name: str
    summary: str
    sends: Any
    answers: tuple[Any, ...]
    status: int
    refuses: tuple[int, ...]
    bearer: bool
    proof: bool


def operation(
    method: str,
    path: str,
    *,
    sends: Any = None,
    answers: Any = None,
    status: int = 200,
    refuses: tuple[int, ...] = (),
    bearer: bool = False,
    proof: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a view of a function that takes `sent` (of the type `sends`), `session` (with `bearer`) and what the path
    names, and returns an `answers` (or one of several) or None.

    The first line of its docstring is what the OpenAPI document says of it.
    """

    def register(view: Callable[..., Any]) -> Callable[..., Any]:
        decoder = msgspec.json.Decoder(sends) if sends is not None else None

        @public(forms=False)
        @wraps(view)
        def run(**given: Any) -> Response:
            if bearer:
                given["session"] = demand_session(ended_too=view.__name__ == "log_out")
            if decoder is not None:
                given["sent"] = _decode(decoder)
            answer = _challenging(view, given)
            response = Response(status=204)
            if answer is not None:
                response = Response(_encode(answer), status, mimetype="application/json")
            if "nonce" in g:
                response.headers["DPoP-Nonce"] = g.nonce
            return response

        refused = {*refuses, *_ALL, *(_BODY if sends is not None else ()), *((401,) if bearer else ())}
        summary = (view.__doc__ or "").strip().split("\n")[0]
        several = answers if isinstance(answers, tuple) else (answers,) if answers else ()
        about = (method, path, view.__name__, summary, sends, several, status, tuple(sorted(refused)))
        OPERATIONS.append(Operation(*about, bearer, proof or bearer))
        rule = re.sub(r"{(\w+)}", r"<\1>", path)
        calls.add_url_rule(rule, view.__name__, run, methods=[method])
        return run

    return register


def _challenging(view: Callable[..., Any], given: dict[str, Any]) -> Any:
    """RFC 9110 15.5.2: a 401 says how to be let in."""
    try:
        return view(**given)
    except Refused as refused:
        if refused.problem.status == 401 and "WWW-Authenticate" not in g.get("problem_headers", {}):
            scheme = "DPoP" if "nonce" in g else "Bearer"
            g.problem_headers = {"WWW-Authenticate": f'{scheme} error="invalid_token"'}
        raise


def demand_session(*, ended_too: bool = False) -> PhoneSession:
    """The live session that the request's access token stands for (RFC 6750 2.1, RFC 9449 section 7.1).

    ended_too -- also one that was logged out a moment ago. Raises Refused(TOKEN_REFUSED, PROOF_REFUSED).
    """
    ours = bridge()
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "dpop") or not token:
        g.problem_headers = {"WWW-Authenticate": "Bearer"}
        raise Refused(Problem.TOKEN_REFUSED, "token_missing")
    shown = "DPoP" if scheme.lower() == "dpop" else "Bearer"
    g.problem_headers = {"WWW-Authenticate": f'{shown} error="invalid_token"'}
    settings, now = ours.services.settings, ours.services.now()
    found = access_tokens.read(ours.keys, token.strip(), now=ours.services.clock(), base_url=settings.base_url)
    _demand_scheme(scheme.lower(), found.jkt)
    if found.jkt is not None:
        proof_key(access_token=token.strip(), expected=found.jkt)
    with ours.services.db.reading() as connection:
        session = find_phone_session(connection, read_session_name(found.session_id))
    if session is None:
        raise Refused(Problem.TOKEN_REFUSED, "session_unknown")
    just_left = session.ended_why == "logout" and now - (session.ended_at or 0) <= _LEFT_SECONDS
    if not (ended_too and just_left):
        demand_live(session, now)
    g.problem_headers = {}
    return session


def proof_key(*, access_token: str | None = None, expected: str | None = None) -> str | None:
    """The thumbprint of the key that signed this request, or None when there is no proof and none is `expected`.

    Raises Refused(PROOF_REFUSED); the answer then carries a fresh DPoP-Nonce (RFC 9449 sections 8 and 9).
    """
    ours, given = bridge(), request.headers.getlist("DPoP")
    if not given and expected is None:
        return None
    now = ours.services.now()
    # RFC 9449 8.2: a fresh nonce comes with every answer, so that the next proof is not refused for its nonce.
    g.nonce = dpop.make_nonce(ours.services, now)
    try:
        return dpop.check_proof(
            ours.services,
            given,
            method=request.method,
            url=ours.services.settings.base_url + request.path,
            now=now,
            access_token=access_token,
            expected_jkt=expected,
        )
    except Refused as refused:
        error = "use_dpop_nonce" if refused.reason == "use_dpop_nonce" else "invalid_dpop_proof"
        challenge = f'DPoP error="{error}", algs="ES256"'
        g.problem_headers = {"DPoP-Nonce": g.nonce, "WWW-Authenticate": challenge}
        raise


def read_session_name(name: str) -> bytes:
    """The hash that a session is stored under. Raises Refused(NOT_FOUND)."""
    if not _session_id.fullmatch(name):
        raise Refused(Problem.NOT_FOUND, "session_unknown")
    return base64.urlsafe_b64decode(name + "=")


def _demand_scheme(scheme: str, jkt: str | None) -> None:
    """A token that is bound to a key is no bearer token, and the other way round (RFC 9449 section 7.2)."""
    if (scheme == "dpop") != (jkt is not None):
        raise Refused(Problem.TOKEN_REFUSED, "token_type")


def _decode(decoder: msgspec.json.Decoder[Any]) -> Any:
    if request.mimetype != "application/json":
        raise Refused(Problem.UNSUPPORTED_MEDIA, "not_json")
    try:
        return decoder.decode(request.get_data(cache=False))
    except msgspec.ValidationError as exc:
        field = re.search(r"`\$\.(\w+)|missing required field `(\w+)`", str(exc))
        name = (field[1] or field[2]) if field else ""
        if name == "deep_link":
            raise Refused(Problem.DEEP_LINK_INVALID, "invalid_deep_link") from exc
        g.problem_members = {"field": name}
        # The message may hold what was sent, and an app may send a secret in the wrong place.
        raise Refused(Problem.FIELD_INVALID, "field_invalid", name[:40]) from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise Refused(Problem.BAD_REQUEST, "json_malformed") from exc
