"""The end of an embedded sign-in: whether a second factor is due, the e-mail with its code, the interaction code."""

import hmac
import secrets

from okta_sandbox.directory import Person, make_id
from okta_sandbox.errors import OAuthError
from okta_sandbox.grants import SignIn
from okta_sandbox.idx.transactions import EMAIL, Transaction
from okta_sandbox.org import Mail, Org
from okta_sandbox.policies import find_rule
from okta_sandbox.wire import add_query

CODE_SECONDS = 300


def needs_code(org: Org, person: Person) -> bool:
    return org.settings.email_code or person.email_code


def send_code(org: Org, transaction: Transaction) -> None:
    """The link leads to the app, which goes on where the sign-in began; in another browser the code is typed in."""
    person = org.people_by_id[transaction.person_id]
    transaction.step = EMAIL
    transaction.code = f"{secrets.randbelow(10**6):06}"
    transaction.code_expires_at = org.clock() + CODE_SECONDS
    link = add_query(transaction.redirect_uri, [("otp", transaction.code), ("state", transaction.state)])
    org.mails.append(Mail(person.email, "One-time verification code", transaction.code, link, org.clock()))


def fits_code(org: Org, transaction: Transaction, given: str) -> bool:
    in_time = org.clock() < transaction.code_expires_at
    return bool(transaction.code) and in_time and hmac.compare_digest(transaction.code.encode(), given.encode())


def make_interaction_code(org: Org, transaction: Transaction) -> str:
    """Ends the sign-in. Raises OAuthError when the app is not the person's, or no rule lets them in."""
    app, person = org.find_app(transaction.client_id), org.people_by_id[transaction.person_id]
    if app is None or not person.active or not app.assigned(person, org.groups_of(person)):
        raise OAuthError("user_not_assigned")
    server = org.servers[transaction.server_id]
    find_rule(org, server, app.client_id, "interaction_code", transaction.scopes, person)
    sign_in = SignIn(
        make_id("oar"), app.client_id, server.id, person.id, transaction.scopes, "interaction_code",
        int(org.clock()), amr=["mfa", "otp", "pwd"] if transaction.step == EMAIL else ["pwd"],
        identity_provider=transaction.identity_provider,
    )
    org.transactions.end(transaction)
    return org.grants.add_interaction_code(sign_in, transaction.redirect_uri, transaction.challenge,
                                           transaction.nonce, now=org.clock())
