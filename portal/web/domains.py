"""Organization > Domains: which e-mail domains are this organization's, and how it proves another one."""

from __future__ import annotations

from types import SimpleNamespace

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.current import services
from portal.domain_names import read_domain, suggest_domain
from portal.domain_proofs import check_claim, record_name, record_value
from portal.errors import N_, Problem, Refused
from portal.giving_back import give_back_after
from portal.store.domains import (
    CLAIM_SECONDS,
    Claim,
    add_claim,
    drop_claim,
    find_claim,
    list_claims,
    list_domains,
    remove_domain,
)
from portal.store.integrations import find_integration
from portal.web import throttle
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer, member
from portal.web.headers import reference
from portal.web.recording import record_change
from portal.web.redirects import Redirect
from portal.web.render import render, show_time

pages = Blueprint("domains", __name__, url_prefix="/organizations/<slug>/domains")
# What the last look at the DNS came to, and what to do about it.
_FOUND = {
    "missing": N_("The record is not there yet. Name servers can take up to an hour, some a day, to tell everybody."),
    "different": N_("There is a record of ours with another value. Replace it with the one shown here."),
    "unclear": N_("The name servers of this domain did not answer just now. Check again in a minute."),
    "taken": N_("Another organization at POINT has proved this domain. If it is yours, write to us."),
}
_DONE = {
    "verified": N_("Verified. People with an address there are taken to your organization when they log in."),
    "claimed": N_("Add the record shown below where your domain's DNS is managed, then check."),
    "removed": N_("Removed. You can verify the domain again at any time."),
    "dropped": N_("Given up. You can take the record out of the DNS again."),
}


@pages.get("")
@member("domains.view")
def index(slug: str) -> ResponseReturnValue:
    """The verified domains, and those that wait for their proof."""
    return _page()


@pages.post("")
@member("domains.edit")
def claim(slug: str) -> ResponseReturnValue:
    """Claims a domain and says which record proves it."""
    session = demand_viewer().session
    typed = request.form.get("domain", "")[:300].strip()
    try:
        name = read_domain(typed)
        with services().db.writing() as connection:
            add_claim(connection, session.organization_id, name, who=session.email, now=services().now())
            record_change(connection, "domain.claimed", domain=name)
    except Refused as refused:
        if refused.problem not in (Problem.MAIL_DOMAIN_FORM, Problem.MAIL_DOMAIN_PUBLIC, Problem.DOMAIN_TAKEN):
            raise
        note_refusal(refused)
        return _page(typed=typed, problem=refused.problem)
    return Redirect(f"/organizations/{slug}/domains?done=claimed#{name}")


# Without a newer login: the claim has taken one, and its proof comes days later; taking one back lets nobody in.
@pages.post("/<name>/check")
@member("domains.edit", fresh=False)
def check(slug: str, name: str) -> ResponseReturnValue:
    """Looks at the DNS now."""
    session = demand_viewer().session
    throttle.limit_domain_checks(session.organization_id)
    found = check_claim(services(), _claim(name), who=session.email, reference=reference())
    return Redirect(f"/organizations/{slug}/domains" + ("?done=verified" if found else f"#{name}"))


@pages.post("/<name>/drop")
@member("domains.edit", fresh=False)
def drop(slug: str, name: str) -> ResponseReturnValue:
    """Takes a claim back; the second click finds it gone and says the same."""
    with services().db.writing() as connection:
        if drop_claim(connection, demand_viewer().session.organization_id, name):
            record_change(connection, "domain.claim_dropped", domain=name)
    return Redirect(f"/organizations/{slug}/domains?done=dropped")


@pages.get("/<name>/remove")
@member("domains.edit")
def ask_remove(slug: str, name: str) -> ResponseReturnValue:
    """What removing a verified domain would mean, with one button."""
    with services().db.reading() as connection:
        mine = list_domains(connection, demand_viewer().session.organization_id)
        connected = find_integration(connection, demand_viewer().session.organization_id) is not None
    found = next((domain for domain in mine if domain.name == name), None)
    if found is None:
        raise Refused(Problem.NOT_FOUND, "domain_unknown")
    return render("pages/domains/remove.html", domain=found, last=connected and len(mine) == 1, connected=connected)


@pages.post("/<name>/remove")
@member("domains.edit")
def remove(slug: str, name: str) -> ResponseReturnValue:
    """Removes a verified domain and ends the Okta sessions of the people in it."""
    session = demand_viewer().session
    with services().db.writing() as connection:
        ended = remove_domain(connection, session.organization_id, name, now=services().now())
        give_back_after(services(), connection)
        if ended is not None:
            record_change(connection, "domain.removed", domain=name, sessions_ended=ended)
    return Redirect(f"/organizations/{slug}/domains?done=removed")


def _claim(name: str) -> Claim:
    with services().db.reading() as connection:
        found = find_claim(connection, demand_viewer().session.organization_id, name)
    if found is None:
        raise Refused(Problem.NOT_FOUND, "claim_unknown")
    return found


def _page(*, typed: str = "", problem: Problem | None = None) -> ResponseReturnValue:
    session = demand_viewer().session
    with services().db.reading() as connection:
        verified = list_domains(connection, session.organization_id)
        claims = list_claims(connection, session.organization_id)
    known = {domain.name for domain in verified} | {each.name for each in claims}
    suggested = suggest_domain(session.email)
    done = _DONE.get(request.args.get("done", ""))
    page = render(
        "pages/domains/index.html",
        domains=[(each.name, each.people, show_time(each.verified_at)) for each in verified],
        claims=[_show(each) for each in claims],
        suggested=suggested if suggested not in known else "",
        typed=typed,
        problem=problem,
        done=gettext(done) if done else "",
        may_edit=demand_viewer().may("domains.edit"),
    )
    return page, problem.status if problem else 200


def _show(each: Claim) -> SimpleNamespace:
    found = _FOUND.get(each.found)
    return SimpleNamespace(
        name=each.name,
        record=record_name(each.name),
        value=record_value(each),
        found=gettext(found) if found else "",
        checked_at=show_time(each.checked_at) if each.checked_at else "",
        until=show_time(each.created_at + CLAIM_SECONDS),
    )
