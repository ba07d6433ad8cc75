"""The app's calls (`docs/mobile.md`, `/native/openapi.json`): each a few lines over the functions that do the work."""

from __future__ import annotations

from flask import Response, current_app, g, request

from native_bridge import answering, completing, logging_out, openapi, schemas, starting
from native_bridge.admitting import Arrival
from native_bridge.bridge import bridge, limit, reference
from native_bridge.operations import calls, operation, proof_key, read_session_name
from native_bridge.reference import read_calls
from portal.access import public
from portal.errors import Problem, Refused
from portal.limits import network_of
from portal.logins import OKTA_SECONDS
from portal.store.phone_sessions import PhoneSession
from portal.store.session_list import list_sessions

_V1 = "/native/v1"
# A minute, from one network: a carrier puts thousands of phones behind one address.
_DISCOVERS, _LOGINS = 600, 1200


@operation("POST", f"{_V1}/discover", sends=schemas.Discover, answers=schemas.Discovered)
def discover(sent: schemas.Discover) -> schemas.Discovered:
    """Which ways there are to log in."""
    limit("native-discover", count=_DISCOVERS)
    if (sent.email is None) == (sent.organization is None):
        g.problem_members = {"field": "email"}
        raise Refused(Problem.FIELD_INVALID, "one_of_email_and_organization")
    return starting.discover(bridge(), email=sent.email, slug=sent.organization)


@operation(
    "POST",
    f"{_V1}/login",
    sends=schemas.Login,
    answers=(schemas.LoginStarted, schemas.EmbeddedStarted),
    status=201,
    refuses=(404, 409, 502),
)
def log_in(sent: schemas.Login) -> schemas.LoginStarted | schemas.EmbeddedStarted:
    """Starts a login; the answer says what to open in the system browser."""
    limit("native-login", count=_LOGINS)
    with bridge().services.door.within(OKTA_SECONDS):
        return starting.start(bridge(), sent)


@operation(
    "POST",
    f"{_V1}/login/complete",
    sends=schemas.Complete,
    answers=schemas.Tokens,
    refuses=(401, 403, 409, 502),
    proof=True,
)
def complete_login(sent: schemas.Complete) -> schemas.Tokens:
    """Finishes a login: the deep link and the app's own verifier, for POINT's tokens."""
    device = _printable(sent.device or request.headers.get("User-Agent", ""))
    network = network_of(request.remote_addr or "")
    return completing.complete(bridge(), sent, Arrival(device, proof_key(), reference(), network))


@operation("POST", f"{_V1}/token", sends=schemas.Refresh, answers=schemas.Tokens, refuses=(401,), proof=True)
def refresh(sent: schemas.Refresh) -> schemas.Tokens:
    """The next access token and the next refresh token."""
    return answering.refresh(
        bridge(), sent.refresh_token, prove=lambda jkt: proof_key(expected=jkt), reference=reference()
    )


@operation("GET", f"{_V1}/me", answers=schemas.Me, bearer=True)
def me(session: PhoneSession) -> schemas.Me:
    """Who is logged in."""
    user, organization = answering.person_of(session)
    return schemas.Me(
        user=user,
        organization=organization,
        method=session.method,  # type: ignore[arg-type]
        session_id=answering.session_name(session.id_hash),
        expires_at=session.expires_at,
    )


@operation("GET", f"{_V1}/sessions", answers=schemas.Sessions, bearer=True)
def sessions(session: PhoneSession) -> schemas.Sessions:
    """Where this person is logged in to this organization."""
    services = bridge().services
    with services.db.reading() as connection:
        found = list_sessions(connection, session.user_id, session.organization_id, now=services.now())
    listed = [
        schemas.Session(
            id=answering.session_name(each.id_hash),
            kind=each.kind,  # type: ignore[arg-type]
            method=each.method,  # type: ignore[arg-type]
            organization=each.organization_slug,
            device=each.device or None,
            created_at=each.created_at,
            used_at=each.used_at,
            expires_at=each.expires_at,
            current=each.id_hash == session.id_hash,
        )
        for each in found
    ]
    return schemas.Sessions(sessions=listed)


@operation("DELETE", f"{_V1}/sessions/{{session_id}}", status=204, refuses=(404,), bearer=True)
def end_session(session: PhoneSession, session_id: str) -> None:
    """Ends one of this person's logins, wherever it is."""
    logging_out.end_one(bridge(), session, read_session_name(session_id), reference=reference())


@operation("POST", f"{_V1}/logout", sends=schemas.Logout, answers=schemas.LoggedOut, bearer=True)
def log_out(session: PhoneSession, sent: schemas.Logout) -> schemas.LoggedOut:
    """Ends this login; POINT's tokens are dead before the answer."""
    return logging_out.log_out(bridge(), session, okta=sent.okta, reference=reference())


@operation("POST", f"{_V1}/logout/complete", sends=schemas.LogoutReturn, status=204)
def complete_logout(sent: schemas.LogoutReturn) -> None:
    """Tells that Okta sent the person back; the same answer however often it comes."""
    logging_out.complete_logout(bridge(), sent.deep_link)


@operation("GET", "/native/jwks.json", answers=schemas.Jwks)
def jwks() -> schemas.Jwks:
    """The keys that verify POINT's access tokens."""
    return schemas.Jwks(keys=[schemas.Jwk(**key) for key in bridge().keys.jwks()["keys"]])


@calls.get("/native/openapi.json")
@public(forms=False)
def openapi_document() -> Response:
    """This interface, as OpenAPI 3.1."""
    return Response(openapi.document(bridge().services.settings.base_url), mimetype="application/json")


@calls.get("/native/docs")
@public(forms=False)
def docs() -> str:
    """This interface, to read."""
    described, shapes = read_calls(bridge().services.settings.base_url)
    page: str = current_app.extensions["render"]("pages/native/api.html", calls=described, shapes=shapes)
    return page


def _printable(name: str) -> str:
    """A name as it may stand in a list: nothing that moves a cursor or turns the text around."""
    return "".join(character for character in name if character.isprintable()).strip()[:100]
