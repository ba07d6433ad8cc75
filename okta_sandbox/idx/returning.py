"""Embedded sign-ins that leave the app's page: the external identity provider, and the way back after a failure."""

from okta_sandbox.directory import Json
from okta_sandbox.errors import OAuthError, ShownError
from okta_sandbox.idx.finishing import make_interaction_code, needs_code
from okta_sandbox.idx.transactions import SELECT, Transaction
from okta_sandbox.org import Org
from okta_sandbox.pages import provider_page
from okta_sandbox.signing_in import find_by_password
from okta_sandbox.wire import Answer, SeenRequest, add_query, first, send_page, send_redirect


def find_provider(org: Org, idp_id: str) -> Json:
    if not org.settings.identity_provider or idp_id != org.identity_provider["id"]:
        raise ShownError("unknown_idp")
    return org.identity_provider


def find_transaction(org: Org, state_token: str) -> Transaction:
    transaction = org.transactions.find(state_handle=state_token, now=org.clock())
    if transaction is None:
        raise ShownError("request_expired")
    return transaction


def show_provider(org: Org, request: SeenRequest, idp_id: str) -> Answer:
    """A page that stands for the whole other identity provider; it knows the same people by the same passwords."""
    provider = find_provider(org, idp_id)
    transaction = find_transaction(org, first(request.query, "stateToken"))
    return send_page(provider_page(provider, transaction.state_handle))


def sign_in_at_provider(org: Org, request: SeenRequest, idp_id: str) -> Answer:
    provider = find_provider(org, idp_id)
    with org.lock:
        transaction = find_transaction(org, first(request.form, "stateToken"))
        if "cancel" in request.form:
            return send_error(transaction, OAuthError("access_denied"))
        identifier = first(request.form, "identifier")
        person = find_by_password(org, identifier, first(request.form, "password"))
        if person is None:
            return send_page(provider_page(provider, transaction.state_handle, identifier, "Unable to sign in"))
        transaction.start_over()
        transaction.person_id, transaction.identity_provider = person.id, provider["id"]
        try:
            return come_back(org, transaction, more=needs_code(org, person))
        except OAuthError as error:
            return send_error(transaction, error)


def come_back(org: Org, transaction: Transaction, *, more: bool) -> Answer:
    """When Okta wants more than the provider gave, the app shows the sign-in again and it goes on from here."""
    if more:
        transaction.step = SELECT
        raise OAuthError("interaction_required")
    code = make_interaction_code(org, transaction)
    pairs = [("interaction_code", code), ("state", transaction.state)]
    return send_redirect(add_query(transaction.redirect_uri, pairs))


def send_error(transaction: Transaction, error: OAuthError) -> Answer:
    pairs = [("error", error.error), ("error_description", error.description), ("state", transaction.state)]
    return send_redirect(add_query(transaction.redirect_uri, pairs))


def lead_back(org: Org, request: SeenRequest) -> Answer:
    """/login/error/redirect: where the failure of a sign-in points to."""
    transaction = find_transaction(org, first(request.query, "stateToken"))
    return send_error(transaction, OAuthError(transaction.failure or "access_denied"))
