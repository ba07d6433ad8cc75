"""What an owner reads about a login that was turned down, or a session that Okta ended: what it means, what can be done
about it and where, and how far the login had come.

The person was told something else: what they can do themselves. That stands in the fold beside the codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext

from portal.errors import N_, Problem
from portal.login_stages import STAGES
from portal.store.integrations import App
from portal.trial_stages import Stage
from portal.web.trial_repairs import Repair, find_repair

EXPLAINED = frozenset({"login.refused", "session.okta_ended"})

_TITLES = {
    "start": N_("POINT leads to Okta"),
    "okta": N_("Signing in at Okta"),
    "return": N_("Coming back to POINT"),
    "proof": N_("Okta's proof of who it is"),
    "check": N_("POINT checks the proof"),
    "admission": N_("POINT lets the person in"),
}
_OTHER_TIME = N_("By Okta's clock this login was made at another time than by POINT's, or the answer was held up.")
_OTHER_APP = N_("Okta's proof was made for another app than POINT's.")
_OTHER_OKTA = N_("Okta's proof comes from another Okta than the one in the settings.")
_FORGED = N_("Okta's proof did not carry a signature of this Okta's.")
# By the reason, or by the Problem's code where the reason says no more.
_MEANINGS = {
    "expired": _OTHER_TIME,
    "iat_in_future": _OTHER_TIME,
    "iat_too_old": _OTHER_TIME,
    "audience_mismatch": _OTHER_APP,
    "azp_mismatch": _OTHER_APP,
    "issuer_mismatch": _OTHER_OKTA,
    "nonce_mismatch": N_("Okta's proof belongs to another login than this one."),
    "bad_signature": _FORGED,
    "alg_not_allowed": _FORGED,
    "unknown_key": N_("Okta signed its proof with a key that it does not publish."),
    "scope_refused": N_("Okta does not allow the app everything that POINT asks for."),
    "grant_missing": N_("Okta does not allow the app this way of logging in."),
    "client_unknown": N_("Okta does not know the app's Client ID any more."),
    "dpop_required": N_("The app in Okta demands a proof (DPoP) that POINT does not send."),
    "session_over_at_okta": N_("By Okta's own rules the sign-in was over before the person was back."),
    "attempt_expired": N_("This person took longer at Okta than a login may last."),
    "issuer_confused": N_("The answer came from another Okta than the one your organization uses."),
    "settings_changed": N_("The Okta settings changed while this person was at Okta."),
    "login_as_another": N_("This person is logged in to POINT, and signed in at Okta with another account."),
    "login_unasked": N_("Another site began this login in a browser in which somebody else was logged in."),
    "login_cancelled": N_("This person pressed Cancel at Okta, or Okta turned them down without saying why."),
    "login_not_assigned": N_("Okta knows this person, but they are not assigned to the app."),
    "login_policy": N_("A policy in Okta does not let this person into the app."),
    "login_required_at_okta": N_("Okta wants something more of this person before it lets them in."),
    "okta_misconfigured": N_("Okta and POINT are not set up to fit each other."),
    "okta_error": N_("Okta could not finish this login."),
    "okta_unreachable": N_("Okta did not answer."),
    "okta_busy": N_("Okta had too many requests at that moment."),
    "okta_answer_invalid": N_("What came back was not an answer that an Okta gives."),
    "code_refused": N_("Okta did not take its own answer back: it was too old, or had been used before."),
    "id_token_refused": N_("Okta's proof of who this person is did not pass POINT's checks."),
    "refresh_refused": N_("Okta said no when POINT asked whether this person may still come in."),
    "email_missing": N_("Okta did not tell this person's e-mail address."),
    "email_not_verified": N_("Okta says that this person's e-mail address is not verified."),
    "email_outside": N_("This person's e-mail address is outside the domains that your organization has verified."),
    "account_exists": N_("This person has a POINT account that does not belong to your organization alone."),
    "account_taken": N_("At POINT, this e-mail address belongs to another person of your Okta."),
}  # fmt: skip
_AGAIN = N_("Nothing has to be changed: they can log in again.")
_TELL_US = N_("They can log in again. If it comes back, run a test login, and write to us with the reference.")
_LOG = N_("They can log in again. If it comes back, Okta's System Log says why: Reports > System Log.")
# In the place of what is said of a test login, where somebody tries things out on purpose.
_INSTEAD = {
    "expired": _TELL_US,
    "iat_in_future": _TELL_US,
    "iat_too_old": _TELL_US,
    "nonce_mismatch": _TELL_US,
    "unknown_key": _TELL_US,
    "session_over_at_okta": N_("They can log in again, and sign in at Okta with their password when it asks."),
    "attempt_expired": _AGAIN,
    "settings_changed": _AGAIN,
    "login_unasked": N_("Nothing was changed, and nothing has to be: whoever wants to log in as somebody else can "
                        "begin that at POINT."),
    "login_as_another": N_("Nothing was changed. They sign in at Okta with their own account, or log out of POINT."),
    "login_cancelled": _AGAIN,
    "login_required_at_okta": _LOG,
    "okta_error": _LOG,
    "okta_unreachable": N_("This is usually over in a minute. If it stays so, look at status.okta.com, and at the "
                           "domain in the settings."),
    "okta_busy": N_("This is usually over in a minute. If it comes often, ask Okta about the limits of your plan."),
    "okta_answer_invalid": N_("Something other than Okta answered, or changed the answer on its way, such as a proxy. "
                              "Run the checks: they ask your Okta now."),
    "code_refused": N_("Usually somebody pressed Back, or the answer came late. They can log in again."),
    "id_token_refused": N_("The person cannot do anything about it. Run a test login: it shows what does not fit."),
    "email_outside": N_("Invite this person, or verify the domain of their address."),
    "account_exists": N_("They are asked to log in to it once, the way they did before; then the two are connected. If "
                         "they have no way in any more, they can have a link sent for a new password."),
    "refresh_refused": N_("Nothing has to be done if that was meant: somebody deactivated them, took the app from "
                          "them, or ended their sessions in Okta. After a week without POINT it is Okta's own limit, "
                          "and logging in again is all it takes."),
}  # fmt: skip
# Where in POINT something can be done about it: what the page calls the place.
_PLACES = {
    "email_outside": ("members", "domains"),
    "okta_answer_invalid": ("checks",),
    "okta_unreachable": ("checks",),
    "okta_misconfigured": ("checks", "test"),
    "id_token_refused": ("test",),
    "issuer_confused": ("checks", "test"),
}
_PLACE_NAMES = {
    "members": (N_("Go to Members"), "members"),
    "domains": (N_("Go to Domains"), "domains"),
    "checks": (N_("Run the checks"), "integrations/okta/checks"),
    "test": (N_("Run a test login"), "integrations/okta/test"),
}


@dataclass(frozen=True, slots=True)
class Explained:
    """What is shown of one event. ways -- (label, address) of pages of ours; stages -- (title, how it went)."""

    meaning: str
    repair: Repair | None
    ways: list[tuple[str, str]]
    stages: list[tuple[str, str]]
    told: str


def explain_refusal(about: Mapping[str, Any], apps: Mapping[str, App], *, slug: str) -> Explained | None:
    """What an owner should know of it; None for one that this version has no words for.

    apps -- those in the live settings, by which the links into Okta's console are made.
    """
    code, reason = str(about.get("code", "")), str(about.get("reason", ""))
    problem = Problem.__members__.get(code.upper())
    meaning = _MEANINGS.get(reason) or _MEANINGS.get(code)
    if problem is None or meaning is None:
        return None
    places = [_PLACE_NAMES[place] for place in _PLACES.get(code, ())]
    return Explained(
        gettext(meaning),
        _repair(code, reason, apps.get(str(about.get("app", "spa")))),
        [(gettext(label), f"/organizations/{slug}/{path}") for label, path in places],
        _stages(str(about.get("stage", ""))),
        f"{gettext(problem.title)}. {gettext(problem.advice)}",
    )


def name_cause(code: str) -> str:
    """What turned a login down, for a table; a code that this version does not know as it is."""
    meaning = _MEANINGS.get(code)
    return gettext(meaning).rstrip(".") if meaning else (code or gettext("Not known"))


def _repair(code: str, reason: str, app: App | None) -> Repair | None:
    instead = _INSTEAD.get(reason) or (None if reason in _MEANINGS else _INSTEAD.get(code))
    if instead:
        return Repair(gettext(instead), "", "", "")
    found = find_repair(Stage("callback", "wrong", code, reason), app, redirect_uri="", sign_out_uri="")
    if found is None:
        return None
    return Repair(gettext(found.text), gettext(found.where) if found.where else "", found.link, "")


def _stages(ended_at: str) -> list[tuple[str, str]]:
    if ended_at not in STAGES:
        return []
    where = STAGES.index(ended_at)
    words = [gettext("Done"), gettext("Ended here"), gettext("Not reached")]
    return [(gettext(_TITLES[name]), words[(at >= where) + (at > where)]) for at, name in enumerate(STAGES)]
