"""What an event is called for people, and what can be done about it. Events without a text show their code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from portal.errors import N_, Problem

# One kind of event: its sentence. Which groups there are, and what belongs to them, is the filter of the page.
TEXTS = {
    "login": N_("Logged in"),
    "login.joined": N_("Logged in for the first time and became a member"),
    "login.again": N_("Proved who they are once more"),
    "login.refused": N_("A login was turned down"),
    "logout": N_("Logged out"),
    "session.ended": N_("A session was ended"),
    "session.okta_ended": N_("Okta ended a session"),
    "session.okta_revoked": N_("Okta ordered somebody's sessions to end"),
    "session.token_reused": N_("The same login of the app was used from two places; it has ended"),
    "identity.linked": N_("Connected an account with Okta"),
    "member.added": N_("A member was added"),
    "member.invited": N_("Somebody was invited"),
    "member.invitation_dropped": N_("An invitation was taken back"),
    "member.accepted": N_("An invitation was accepted"),
    "member.role_changed": N_("A member has another role"),
    "member.removed": N_("A member was removed"),
    "member.role_followed_groups": N_("A role followed the groups in Okta"),
    "member.owner_stayed": N_("An owner stayed one, though no group in Okta gives them that role"),
    "member.changed_at_okta": N_("Name or address followed a change at Okta"),
    "organization.created": N_("The organization was created"),
    "domain.claimed": N_("A domain was claimed"),
    "domain.claim_dropped": N_("A claim to a domain was given up"),
    "domain.verified": N_("A domain was verified"),
    "domain.removed": N_("A domain was removed"),
    "okta.saved": N_("The Okta settings were saved"),
    "okta.draft_kept": N_("Okta settings were kept as a draft"),
    "okta.switched_on": N_("The draft of the Okta settings was switched on"),
    "okta.draft_dropped": N_("The draft of the Okta settings was thrown away"),
    "okta.deleted": N_("The Okta integration was deleted"),
    "okta.version_restored": N_("Earlier Okta settings were restored"),
    "okta.restored": N_("The Okta integration came back"),
    "okta.group_role_set": N_("A group in Okta gives a role"),
    "okta.group_role_removed": N_("A group in Okta gives no role any more"),
    "okta.groups_claim_changed": N_("The claim with the groups has another name"),
    "okta.tokens_revoked": N_("Okta was told that logins have ended"),
    "okta.test_made": N_("A test login was prepared"),
    "okta.tested": N_("A test login ended"),
    "okta.look_started": N_("One-click set-up looked at Okta"),
    "okta.set_up_started": N_("One-click set-up began"),
    "okta.set_up_continued": N_("One-click set-up went on"),
    "okta.set_up_done": N_("One-click set-up is done"),
    "okta.set_up_stopped": N_("One-click set-up stopped"),
    "okta.set_up_undone": N_("One-click set-up was undone"),
    "okta.check_turned_wrong": N_("A check of the Okta set-up turned wrong"),
    "okta.check_right_again": N_("A check of the Okta set-up is right again"),
    "security.sessions_changed": N_("How long people stay logged in was changed"),
    "okta_only.switched_on": N_("Okta only was switched on"),
    "okta_only.confirmed": N_("Okta only was confirmed"),
    "okta_only.to_confirm": N_("Okta only has to be confirmed again, since the Okta settings have changed"),
    "okta_only.reverted": N_("Okta only was not confirmed in time and is off again"),
    "okta_only.switched_off": N_("Okta only was switched off"),
    "recovery_codes.made": N_("New recovery codes were made"),
    "recovery_code.used": N_("A recovery code was used"),
    "password.set": N_("A password was set"),
    "password.changed": N_("A password was changed"),
    "password.link_sent": N_("A link to set a password was sent"),
    "setup_link.created": N_("A hand-over link was made"),
    "setup_link.used": N_("A hand-over link was opened"),
    "setup_link.revoked": N_("A hand-over link was revoked"),
    "guide.progress": N_("Steps of the guide were ticked off"),
    "mail.failed": N_("A mail could not be delivered"),
}


def _with(*beginnings: str) -> tuple[str, ...]:
    return tuple(what for what in TEXTS if what.startswith(beginnings))


GROUPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "logins": (N_("Logins"), ("login", "login.joined", "login.again")),
    "refused": (N_("Logins turned down"), ("login.refused",)),
    "sessions": (N_("Sessions that ended"), ("logout", *_with("session."))),
    "checks": (N_("Checks that turned"), _with("okta.check_")),
    "okta": (
        N_("Okta settings"),
        tuple(what for what in _with("okta.", "setup_link.", "guide.") if not what.startswith("okta.check_")),
    ),
    "people": (N_("People and domains"), (*_with("member.", "identity.", "domain."), "login.joined")),
    "security": (N_("Passwords and recovery"), _with("security.", "okta_only.", "recovery_code", "password.")),
}
_METHODS = {"okta": N_("with Okta"), "password": N_("with a password"), "recovery": N_("with a recovery code")}
# Who or what an event is about, beside whoever did it.
_SUBJECTS = ("email", "domain", "whose")
_PROBLEMS = {problem.code: problem for problem in Problem}


def describe(what: str, about: Mapping[str, Any]) -> str:
    """The sentence for an event, with the person or domain it is about; its code where there is none."""
    if what == "login.refused" and about.get("method") == "okta":
        return str(gettext("A login with Okta was turned down"))
    text = gettext(TEXTS[what]) if what in TEXTS else what
    method = _METHODS.get(str(about.get("method", "")))
    if method and what.startswith("login"):
        return f"{text} {gettext(method)}"
    subject = next((str(about[name]) for name in _SUBJECTS if about.get(name)), "")
    return f"{text}: {subject}" if subject and what.startswith(("member.", "domain.", "session.")) else text


def explain(about: Mapping[str, Any]) -> str:
    """What went wrong and what to do, of an event that carries a Problem's code, else ""."""
    problem = _PROBLEMS.get(str(about.get("code", "")))
    return f"{gettext(problem.title)}. {gettext(problem.advice)}" if problem else ""


def details(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What else was written down, for the fold."""
    return [(name, _plain(value)) for name, value in about.items()]


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_plain(item)}" for name, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
