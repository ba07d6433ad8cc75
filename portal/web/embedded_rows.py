"""What the owner sees of the embedded sign-in: what it depends on at Okta, step by step, and where to change it."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from flask_babel import gettext

from portal.current import services
from portal.errors import N_
from portal.okta.embedded import Cause, Embedded
from portal.store.okta_logins import Login, find_login
from portal.web import embedded, widget_assets

# The guide's own words for each step, and what to do when it is not so.
_STEPS = {
    "engine": (
        N_("Okta Identity Engine"),
        N_("This Okta still runs the Classic Engine, which has no Interaction Code. Only Okta can upgrade it."),
    ),
    "org_setting": (
        N_("Interaction Code is switched on in Okta"),
        N_("In Okta: Settings > Account > Embedded widget sign-in support > Edit, tick Interaction Code, save. After "
           "that it has to be ticked in both apps again."),
    ),
    "app_grant": (
        N_("The app allows Interaction Code"),
        N_("In Okta: Applications > your POINT app > General > Edit, tick Interaction Code under Grant type, save."),
    ),
    "access_policy": (
        N_("The access policy allows Interaction Code"),
        N_("In Okta: Security > API > your authorization server > Access Policies, edit the rule and tick Interaction "
           "Code under Advanced."),
    ),
    "trusted_origin": (
        N_("POINT's address is a trusted origin"),
        N_("In Okta: Security > API > Trusted Origins > Add Origin, enter the Origin shown on this page, tick CORS."),
    ),
}
_CAUSES = {
    Cause.OKTA_AWAY: N_("Okta does not answer just now. Until it does, people are sent to Okta's own page."),
    Cause.CLIENT_UNKNOWN: N_("Okta does not know the Client ID of the SPA."),
    Cause.REDIRECT_URI_MISSING: N_("Okta does not know POINT's Sign-in redirect URI in the SPA."),
    Cause.UNCLEAR: N_("Okta's answer was not one that we know. People are sent to Okta's own page."),
}


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One step: its name, "right", "wrong" or "unknown", and what to do when it is wrong."""

    title: str
    verdict: str
    advice: str


def explain(found: Embedded) -> tuple[list[ShownRow], str]:
    """The steps for the page, and a sentence about what no step explains ("" when there is nothing)."""
    rows = []
    for row in found.rows:
        title, advice = _STEPS[row.step]
        rows.append(ShownRow(gettext(title), row.verdict, gettext(advice) if row.verdict == "wrong" else ""))
    more = _CAUSES.get(found.cause) if found.cause else None
    return rows, gettext(more) if more else ""


def show(slug: str) -> SimpleNamespace | None:
    """Whether people of this organization sign in on POINT's page. Okta is asked only where somebody wants it."""
    login = _login(slug)
    if login is None:
        return None
    installed = widget_assets.installed()
    if login.sign_in != "embedded":
        return SimpleNamespace(chosen=False, works=False, installed=installed, rows=[], more="")
    found = embedded.ask_okta(login)
    rows, more = explain(found)
    works = installed and found.cause is None
    return SimpleNamespace(chosen=True, works=works, installed=installed, rows=rows, more=more)


def forget(slug: str) -> None:
    """Settings were saved: what this organization's Okta said before counts no more."""
    login = _login(slug)
    if login is not None:
        embedded.forget(login)


def _login(slug: str) -> Login | None:
    with services().db.reading() as connection:
        return find_login(connection, slug)
