"""Limits on guessing, and on logins that keep coming back refused.

Nobody can lock anybody else out: what strangers use up for an address does not count for a browser that has logged in
to that account before (it carries a sealed cookie that says so and has limits of its own).
"""

from __future__ import annotations

import hashlib

from flask import Flask, current_app, g, request

from portal.errors import Problem, Refused
from portal.limits import Limits, network_of
from portal.services import Services

# A school behind one address has refusals too, when its Okta is set up wrong.
_REFUSALS = 300


def init_app(app: Flask) -> None:
    """Makes the counters."""
    services: Services = app.extensions["point"]
    app.extensions["limits"] = Limits(services.settings)


def storage_answers() -> bool:
    """Whether the counters can be reached."""
    return _limits().answers()


def limit_passwords(email: str, *, known_browser: bool) -> None:
    """At most 30 tries a minute from one network, 10 in ten minutes from there for one address, and 200 for one address
    from anywhere, of which a browser that has logged in to it before knows nothing.

    Raises Refused(TOO_MANY).
    """
    network = network_of(request.remote_addr or "")
    address = hashlib.sha256(email.encode()).hexdigest()
    _hit("password-network", network, count=30, minutes=1)
    _hit("password-known" if known_browser else "password-address", f"{address} {network}", count=10, minutes=10)
    if not known_browser:
        _hit("password-anywhere", address, count=200, minutes=10)


def limit_old_passwords(user_id: int) -> None:
    """At most 20 tries in an hour at the password of somebody who is logged in, from wherever. Only their own sessions
    come here, so that no stranger uses up their tries; the mailed link stays. Raises Refused(TOO_MANY).
    """
    _hit("password-old", str(user_id), count=20, minutes=60)


def limit_links(email: str) -> None:
    """At most 20 links to set a password in ten minutes for one network, and 5 in half an hour for one address from
    there, whether or not anybody has it. Raises Refused(TOO_MANY).
    """
    network = network_of(request.remote_addr or "")
    _hit("link-network", network, count=20, minutes=10)
    _hit("link-address", f"{hashlib.sha256(email.encode()).hexdigest()} {network}", count=5, minutes=30)


def limit_recovery(email: str) -> None:
    """At most 30 tries a minute with a recovery code from one network, and 10 in ten minutes from there for an address.
    Nobody can use up an owner's own tries: the codes are too long to need a limit from anywhere.

    Raises Refused(TOO_MANY).
    """
    network = network_of(request.remote_addr or "")
    address = hashlib.sha256(email.encode()).hexdigest()
    _hit("recovery-network", network, count=30, minutes=1)
    _hit("recovery-address", f"{address} {network}", count=10, minutes=10)


def limit_saves(organization_id: int) -> None:
    """At most 30 saves in ten minutes of one organization, since each asks Okta. Raises Refused(TOO_MANY)."""
    _hit("save", str(organization_id), count=30, minutes=10)


def limit_deletions(organization_id: int) -> None:
    """At most 30 times in ten minutes that one organization deletes its integration or undoes that, since each ends
    sessions, mails people and asks Okta. Raises Refused(TOO_MANY).
    """
    _hit("delete-okta", str(organization_id), count=30, minutes=10)


def limit_link_saves(link_id: int) -> None:
    """At most 30 drafts in ten minutes by one hand-over link, apart from the saves of its organization's owners.

    Raises Refused(TOO_MANY).
    """
    _hit("link-save", str(link_id), count=30, minutes=10)


def limit_link_checks(link_id: int) -> None:
    """At most 6 runs of the live checks a minute by one hand-over link, apart from those of its organization's owners.

    Raises Refused(TOO_MANY).
    """
    _hit("link-checks", str(link_id), count=6, minutes=1)


def limit_invitations(organization_id: int) -> None:
    """At most 100 invitations an hour of one organization, since each is a mail. Raises Refused(TOO_MANY)."""
    _hit("invitations", str(organization_id), count=100, minutes=60)


def limit_invitation_looks() -> None:
    """At most 60 looks at links of invitations in ten minutes from one network. Raises Refused(TOO_MANY)."""
    _hit("invitation", network_of(request.remote_addr or ""), count=60, minutes=10)


def limit_domain_checks(organization_id: int) -> None:
    """At most 10 looks at the DNS a minute of one organization. Raises Refused(TOO_MANY)."""
    _hit("domain-checks", str(organization_id), count=10, minutes=1)


def limit_checks(organization_id: int) -> None:
    """At most 6 runs of the live checks a minute of one organization: each asks its Okta some thirty times.

    Raises Refused(TOO_MANY).
    """
    _hit("checks", str(organization_id), count=6, minutes=1)


def limit_set_ups(organization_id: int) -> None:
    """At most 20 one-click set-ups in ten minutes of one organization, so that nobody tries tokens out here.

    Raises Refused(TOO_MANY).
    """
    _hit("set-up", str(organization_id), count=20, minutes=10)


def limit_trials(organization_id: int) -> None:
    """At most 20 test logins an hour of one organization. Raises Refused(TOO_MANY)."""
    _hit("test-login", str(organization_id), count=20, minutes=60)


def limit_trial_starts(name: str) -> None:
    """At most 10 ways to Okta in ten minutes from one test login's link. Raises Refused(TOO_MANY)."""
    _hit("test-login-start", name, count=10, minutes=10)


def limit_unknown_links() -> None:
    """At most 30 hand-over links that do not work in ten minutes from one network. Raises Refused(TOO_MANY)."""
    _hit("setup-link", network_of(request.remote_addr or ""), count=30, minutes=10)


def limit_orders(slug: str) -> None:
    """At most 600 orders to end sessions in a minute from one network for one organization: an Okta that puts out a
    whole department sends one for each. Raises Refused(TOO_MANY)."""
    _hit("universal-logout", f"{slug[:63]} {network_of(request.remote_addr or '')}", count=600, minutes=1)


def count_refusal(organization_id: int) -> bool:
    """Counts a login that came back and was turned down; False when there were very many from this network lately."""
    return _limits().count_refusal(_whose(organization_id), count=_REFUSALS)


def demand_calm(organization_id: int) -> None:
    """Turns away a network from which logins of this organization keep coming back refused, for a minute: each of them
    costs that organization's Okta a call and its activity a line. Raises Refused(TOO_MANY).
    """
    if _limits().is_restless(_whose(organization_id)):
        g.retry_after = 60
        raise Refused(Problem.TOO_MANY, "refused_callback")


def _whose(organization_id: int) -> str:
    return f"{organization_id} {network_of(request.remote_addr or '')}"


def _limits() -> Limits:
    found: Limits = current_app.extensions["limits"]
    return found


def _hit(name: str, key: str, *, count: int, minutes: int) -> None:
    wait = _limits().hit(name, key, count=count, minutes=minutes)
    if wait:
        g.retry_after = wait
        raise Refused(Problem.TOO_MANY, name.replace("-", "_"))
