"""The forms of an embedded sign-in: what each step asks for, field by field, and where it is to be sent."""

import hashlib
from collections.abc import Iterable

from okta_sandbox.directory import Json, Person
from okta_sandbox.idx.messages import ION_TYPE, JSON_TYPE, describe_message
from okta_sandbox.idx.transactions import Transaction

POLL_MILLISECONDS = 4000


def derive_id(prefix: str, *parts: str) -> str:
    """The same id every time for the same parts, in the length of Okta's ids."""
    return prefix + hashlib.sha256(":".join(parts).encode()).hexdigest()[: 20 - len(prefix)]


def make_action(name: str, url: str, transaction: Transaction, fields: Iterable[Json] = (), *, relates_to: str = "",
                refresh: int = 0) -> Json:
    handle = {"name": "stateHandle", "required": True, "value": transaction.state_handle, "visible": False,
              "mutable": False}
    return {
        "rel": ["create-form"], "name": name, **({"relatesTo": [relates_to]} if relates_to else {}), "href": url,
        "method": "POST", "produces": ION_TYPE, **({"refresh": refresh} if refresh else {}),
        "value": [*fields, handle], "accepts": JSON_TYPE,
    }


def make_identify(transaction: Transaction, here: str) -> Json:
    fields = [
        {"name": "identifier", "label": "Username"},
        {"name": "rememberMe", "type": "boolean", "label": "Remember this device"},
    ]
    return make_action("identify", f"{here}/identify", transaction, fields)


def make_challenge(transaction: Transaction, here: str, field: Json) -> Json:
    credentials = {"name": "credentials", "type": "object", "form": {"value": [field]}, "required": True}
    return make_action("challenge-authenticator", f"{here}/challenge/answer", transaction, [credentials],
                       relates_to="$.currentAuthenticatorEnrollment")


def make_password_challenge(transaction: Transaction, here: str) -> Json:
    return make_challenge(transaction, here, {"name": "passcode", "label": "Password", "secret": True})


def make_code_challenge(transaction: Transaction, here: str, problem: str) -> Json:
    """What is wrong with a code is said at its field, not on top of the form."""
    field: Json = {"name": "passcode", "label": "Enter code"}
    if problem:
        field["messages"] = describe_message(problem)
    return make_challenge(transaction, here, field)


def make_selection(transaction: Transaction, here: str, email_id: str) -> Json:
    form = {"value": [
        {"name": "id", "required": True, "value": email_id, "mutable": False},
        {"name": "methodType", "required": False, "value": "email", "mutable": False},
    ]}
    option = {"label": "Email", "value": {"form": form}, "relatesTo": "$.authenticatorEnrollments.value[0]"}
    field = {"name": "authenticator", "type": "object", "options": [option]}
    return make_action("select-authenticator-authenticate", f"{here}/challenge", transaction, [field])


def make_redirect(transaction: Transaction, base: str, provider: Json) -> Json:
    return {
        "name": "redirect-idp", "type": provider["type"], "idp": {"id": provider["id"], "name": provider["name"]},
        "href": f"{base}/sso/idps/{provider['id']}?stateToken={transaction.state_handle}", "method": "GET",
    }


def describe_authenticator(org_id: str, kind: str) -> Json:
    key, name = {"password": ("okta_password", "Password"), "email": ("okta_email", "Email")}[kind]
    return {"type": kind, "key": key, "id": derive_id("aut", org_id, kind), "displayName": name,
            "methods": [{"type": kind}]}


def describe_enrollment(org_id: str, kind: str, person: Person) -> Json:
    own = {"id": derive_id("lae" if kind == "password" else "eae", person.id, kind)}
    profile: Json = {"profile": {"email": mask(person.email)}} if kind == "email" else {}
    return {**profile, **describe_authenticator(org_id, kind), **own}


def mask(email: str) -> str:
    name, _, domain = email.partition("@")
    return f"{name[0]}***{name[-1]}@{domain}"


def describe_current(org_id: str, kind: str, person: Person, transaction: Transaction, here: str) -> Json:
    """The enrollment that is asked for, with what can be done about it."""
    enrollment = describe_enrollment(org_id, kind, person)
    if kind == "password":
        return {"recover": make_action("recover", f"{here}/recover", transaction), **enrollment}
    return {
        "resend": make_action("resend", f"{here}/challenge/resend", transaction),
        "poll": make_action("poll", f"{here}/challenge/poll", transaction, refresh=POLL_MILLISECONDS), **enrollment,
    }
