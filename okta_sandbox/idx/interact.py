"""/v1/interact: begins an embedded sign-in. One call proves client, org setting, grant, redirect URI, PKCE, scopes."""

from okta_sandbox.authorize import admin_link, check_challenge, read_scopes
from okta_sandbox.clients import check_client
from okta_sandbox.directory import App
from okta_sandbox.errors import OAuthError
from okta_sandbox.idx.transactions import TRANSACTION_SECONDS, Transaction
from okta_sandbox.org import Org
from okta_sandbox.ticks import app_grants
from okta_sandbox.wire import Answer, SeenRequest, first, send_json


def interact(org: Org, request: SeenRequest, server_id: str = "") -> Answer:
    server = org.find_server(server_id)
    app = check_client(org, request)
    check_flow(org, app)
    form = request.form
    if doubled := sorted(name for name, values in form.items() if len(values) > 1):
        raise OAuthError("illegal_duplicated_parameters", ", ".join(doubled))
    if first(form, "redirect_uri") not in app.oauth["redirect_uris"]:
        raise OAuthError("illegal_redirect_uri", admin_link(request.base, app.client_id))
    if not first(form, "code_challenge"):
        raise OAuthError("pkce_challenge_required")
    check_challenge(app, form)
    transaction = Transaction(
        server_id=server.id, client_id=app.client_id, redirect_uri=first(form, "redirect_uri"),
        state=first(form, "state"), scopes=read_scopes(org, server, app, form), nonce=first(form, "nonce"),
        challenge=first(form, "code_challenge"), expires_at=org.clock() + TRANSACTION_SECONDS,
    )
    with org.lock:
        org.transactions.add(transaction, now=org.clock())
    return send_json({"interaction_handle": transaction.interaction_handle},
                     headers=[("Cache-Control", "no-cache, no-store"), ("Pragma", "no-cache")])


def check_flow(org: Org, app: App) -> None:
    """The org comes before the app: turning the flow off for the org also takes the grant from every app."""
    if org.settings.classic_engine or not org.settings.interaction_code:
        raise OAuthError("oie_not_enabled_for_interact")
    grants = app_grants(org, app)
    if "interaction_code" not in grants:
        raise OAuthError("unauthorized_client", ", ".join(grants))
