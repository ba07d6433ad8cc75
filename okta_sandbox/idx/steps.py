"""/idp/idx/*: takes what the person answered, and says what comes next."""

import json
from collections.abc import Callable

from okta_sandbox.directory import Json
from okta_sandbox.errors import ManagementError, OAuthError
from okta_sandbox.idx.answers import send_failure, send_step, send_success
from okta_sandbox.idx.finishing import fits_code, make_interaction_code, needs_code, send_code
from okta_sandbox.idx.forms import describe_authenticator
from okta_sandbox.idx.messages import IdxError
from okta_sandbox.idx.transactions import EMAIL, IDENTIFY, PASSWORD, SELECT, Transaction
from okta_sandbox.org import Org
from okta_sandbox.policies import has_rule
from okta_sandbox.signing_in import find_by_password
from okta_sandbox.wire import Answer, Endpoint, SeenRequest

Step = Callable[[Org, Transaction, Json, str], Answer]
"""Called with the org, the sign-in, the body of the request, and the origin it was sent to."""
TYPES = ("application/json", "application/ion+json")


def read_body(request: SeenRequest) -> Json:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in TYPES:
        raise ManagementError("E0000021")
    try:
        body = json.loads(request.body or b"{}")
    except ValueError as exc:
        raise ManagementError("E0000003") from exc
    if not isinstance(body, dict):
        raise ManagementError("E0000003")
    return body


def read_text(body: Json, *names: str) -> str:
    """A text, however deep; "" for anything that is not there or is no text."""
    value: object = body
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def find_transaction(org: Org, *, interaction_handle: str = "", state_handle: str = "") -> Transaction:
    """One that is over, unknown, or whose app or server is gone has expired."""
    found = org.transactions.find(interaction_handle=interaction_handle, state_handle=state_handle, now=org.clock())
    if found is None or org.find_app(found.client_id) is None or found.server_id not in org.servers:
        raise IdxError("session_expired")
    return found


def take_step(*expected: str) -> Callable[[Step], Endpoint]:
    """Makes a step an endpoint: one at a time, for a living sign-in, and only when it is this step's turn."""

    def wrap(step: Step) -> Endpoint:
        def endpoint(org: Org, request: SeenRequest) -> Answer:
            body = read_body(request)
            with org.lock:
                transaction = find_transaction(org, state_handle=read_text(body, "stateHandle"))
                if expected and transaction.step not in expected:
                    raise IdxError("access_denied")
                return step(org, transaction, body, request.base)

        return endpoint

    return wrap


def introspect(org: Org, request: SeenRequest) -> Answer:
    """Where a sign-in stands, by either handle. No rule for the app and the flow is said here, before any question."""
    body = read_body(request)
    with org.lock:
        transaction = find_transaction(
            org, interaction_handle=read_text(body, "interactionHandle"),
            state_handle=read_text(body, "stateHandle") or read_text(body, "stateToken"),
        )
        server = org.servers[transaction.server_id]
        if not has_rule(org, server, transaction.client_id, "interaction_code", transaction.scopes):
            return fail(transaction, request.base, "no_matching_policy")
        return send_step(org, transaction, request.base)


@take_step(IDENTIFY)
def identify(org: Org, transaction: Transaction, body: Json, base: str) -> Answer:
    person = org.find_person(read_text(body, "identifier"))
    if person is None or not person.active:
        return send_step(org, transaction, base, "unknown_person")
    if not org.apps[transaction.client_id].assigned(person, org.groups_of(person)):
        return send_step(org, transaction, base, "not_assigned")
    transaction.person_id, transaction.step = person.id, PASSWORD
    return send_step(org, transaction, base)


@take_step(SELECT, EMAIL)
def challenge(org: Org, transaction: Transaction, body: Json, base: str) -> Answer:
    """The e-mail is the only thing to choose."""
    if read_text(body, "authenticator", "id") != describe_authenticator(org.id, "email")["id"]:
        raise IdxError("access_denied")
    send_code(org, transaction)
    return send_step(org, transaction, base)


@take_step(PASSWORD, EMAIL)
def answer_challenge(org: Org, transaction: Transaction, body: Json, base: str) -> Answer:
    given = read_text(body, "credentials", "passcode")
    if transaction.step == EMAIL:
        if not fits_code(org, transaction, given):
            return send_step(org, transaction, base, "wrong_code")
        return finish(org, transaction, base)
    person = org.people_by_id[transaction.person_id]
    if find_by_password(org, person.email, given) is None:
        return send_step(org, transaction, base, "wrong_password")
    if needs_code(org, person):
        transaction.step = SELECT
        return send_step(org, transaction, base)
    return finish(org, transaction, base)


@take_step(EMAIL)
def resend(org: Org, transaction: Transaction, body: Json, base: str) -> Answer:
    """A new code; the one before is void."""
    send_code(org, transaction)
    return send_step(org, transaction, base)


@take_step(EMAIL)
def poll(org: Org, transaction: Transaction, body: Json, base: str) -> Answer:
    return send_step(org, transaction, base)


@take_step(PASSWORD)
def recover(org: Org, transaction: Transaction, body: Json, base: str) -> Answer:
    """Nobody forgets a password that is printed on the screen."""
    raise IdxError("no_recovery")


@take_step()
def cancel(org: Org, transaction: Transaction, body: Json, base: str) -> Answer:
    org.transactions.start_over(transaction)
    return send_step(org, transaction, base)


def finish(org: Org, transaction: Transaction, base: str) -> Answer:
    try:
        code = make_interaction_code(org, transaction)
    except OAuthError as error:
        return fail(transaction, base, error.name)
    return send_success(org, transaction, base, code)


def fail(transaction: Transaction, base: str, name: str) -> Answer:
    transaction.failure = name
    return send_failure(transaction, base, name)
