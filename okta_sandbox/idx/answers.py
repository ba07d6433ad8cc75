"""The body of every IDX answer: the step a sign-in has come to, its success, or its end."""

from okta_sandbox.directory import App, Json, Person, format_time
from okta_sandbox.idx import forms
from okta_sandbox.idx.messages import MESSAGES, VERSION, describe_message, send_idx
from okta_sandbox.idx.transactions import EMAIL, IDENTIFY, PASSWORD, SELECT, Transaction
from okta_sandbox.org import Org
from okta_sandbox.wire import Answer

ASKED = {PASSWORD: "password", SELECT: "email", EMAIL: "email"}
"""The authenticator that a step is about."""


def send_step(org: Org, transaction: Transaction, base: str, problem: str = "") -> Answer:
    """The form of the current step. `problem` is what was wrong with the last answer; the form is repeated with it."""
    here = f"{base}/idp/idx"
    body = {**describe_start(transaction), "remediation": describe_remediation(org, transaction, base, problem)}
    if problem and not (problem == "wrong_code" and transaction.step == EMAIL):
        body["messages"] = describe_message(problem)
    if transaction.step != IDENTIFY:
        body |= describe_authenticators(org, transaction, here)
    body |= describe_end(org, transaction, base)
    return send_idx(body, MESSAGES[problem][0] if problem else 200)


def describe_start(transaction: Transaction) -> Json:
    return {"version": VERSION, "stateHandle": transaction.state_handle,
            "expiresAt": format_time(transaction.expires_at), "intent": "LOGIN"}


def describe_remediation(org: Org, transaction: Transaction, base: str, problem: str) -> Json:
    here = f"{base}/idp/idx"
    if transaction.step == IDENTIFY:
        actions = [forms.make_identify(transaction, here)]
        if org.settings.identity_provider:
            actions.append(forms.make_redirect(transaction, base, org.identity_provider))
    elif transaction.step == PASSWORD:
        actions = [forms.make_password_challenge(transaction, here)]
    else:
        email_id = forms.describe_authenticator(org.id, "email")["id"]
        actions = [forms.make_selection(transaction, here, email_id)]
        if transaction.step == EMAIL:
            actions.insert(0, forms.make_code_challenge(transaction, here, problem))
    return {"type": "array", "value": actions}


def describe_authenticators(org: Org, transaction: Transaction, here: str) -> Json:
    kind, person = ASKED[transaction.step], org.people_by_id[transaction.person_id]
    described: Json = {
        "authenticators": {"type": "array", "value": [forms.describe_authenticator(org.id, kind)]},
        "authenticatorEnrollments": {"type": "array", "value": [forms.describe_enrollment(org.id, kind, person)]},
    }
    if transaction.step != SELECT:
        current = forms.describe_current(org.id, kind, person, transaction, here)
        described["currentAuthenticatorEnrollment"] = {"type": "object", "value": current}
    return described


def describe_end(org: Org, transaction: Transaction, base: str) -> Json:
    """What every answer ends with: the person, once there is one, the way out, and the app."""
    described: Json = {}
    person = org.people_by_id.get(transaction.person_id)
    if person is not None:
        described["user"] = describe_user(person)
    described["cancel"] = forms.make_action("cancel", f"{base}/idp/idx/cancel", transaction)
    described["app"] = describe_app(org.apps[transaction.client_id])
    return described


def describe_user(person: Person) -> Json:
    return {"type": "object", "value": {"id": person.id, "identifier": person.email}}


def describe_app(app: App) -> Json:
    return {"type": "object", "value": {"name": app.json["name"], "label": app.json["label"], "id": app.client_id}}


def send_success(org: Org, transaction: Transaction, base: str, code: str) -> Answer:
    """The interaction code, with the form that redeems it. Only a confidential client is asked for its secret."""
    app = org.apps[transaction.client_id]
    fields: list[Json] = [
        {"name": "grant_type", "required": True, "value": "interaction_code"},
        {"name": "interaction_code", "required": True, "value": code},
        {"name": "client_id", "required": True, "value": app.client_id},
        *([] if app.public else [{"name": "client_secret", "required": True}]),
        {"name": "code_verifier", "required": True},
    ]
    issue = {
        "rel": ["create-form"], "name": "issue",
        "href": f"{org.servers[transaction.server_id].endpoints(base)}/token", "method": "POST", "value": fields,
        "accepts": "application/x-www-form-urlencoded",
    }
    ended = describe_end(org, transaction, base)
    return send_idx({**describe_start(transaction), **ended, "successWithInteractionCode": issue})


def send_failure(transaction: Transaction, base: str, name: str) -> Answer:
    """The end of a sign-in that nobody at the keyboard can mend, with the way back to the app."""
    href = f"{base}/login/error/redirect?stateToken={transaction.state_handle}"
    body = {**describe_start(transaction), "messages": describe_message(name),
            "failure": {"name": "failure-redirect", "href": href}}
    return send_idx(body, MESSAGES[name][0])
