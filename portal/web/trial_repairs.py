"""Where in Okta a stage of a test login is put right: a sentence, Okta's own click path, a link, a value to copy."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from portal.check_texts import where_to_change
from portal.errors import N_
from portal.okta.admin_links import admin_link
from portal.okta.steps import Place
from portal.store.integrations import App
from portal.trial_stages import Stage

_APP = N_("In Okta: Applications > Applications > your POINT app > General.")
_LOG = N_("In Okta: Reports > System Log. It says what Okta thought of this sign-in.")
_SIGN_ON = N_(
    "In Okta: Applications > Applications > your POINT app > Sign On > OpenID Connect ID Token > Edit > Issuer."
)
_PEOPLE = N_("In Okta: Directory > People > the person > Profile.")
_DPOP = N_(
    "In Okta: Applications > Applications > your POINT app > General > General Settings > Edit. Untick “Require "
    "Demonstrating Proof of Possession (DPoP) header in token requests”."
)
_REFRESHING = N_(
    "Tick Refresh Token under Grant type, and look at how long the access policy's rule lets refresh tokens live."
)
_CLOCKS = N_("The clocks of Okta and POINT differ, or the answer was kept back. Test again.")
_KEYS = N_("In Okta: Security > API > Authorization Servers > your server > Settings > Signing Key Rotation.")
_NAME_GROUPS = N_(
    "Let Okta name the groups, as the page “Roles from groups” says step by step. If it does already, test with "
    "somebody who is in one of them."
)
_GROUPS_FILTER = N_(
    "In Okta: Applications > Applications > your POINT app > Sign On > OpenID Connect ID Token > Edit > Groups claim "
    "filter."
)
_GROUPS_CLAIM = N_("In Okta: Security > API > Authorization Servers > your server > Claims > Add Claim.")
# (what to do, where: a step of the guide or a sentence of ours, the page of the Admin Console)
_Entry = tuple[str, str, Place | None]
_BY_REASON: dict[str, _Entry] = {
    "scope_refused": (
        N_("Tick Refresh Token under Grant type, and let a rule of the access policy allow the scopes openid, profile, "
           "email and offline_access."), "refresh_token", "app_general"),
    "grant_missing": (N_("Tick Authorization Code under Grant type."), "authorization_code", "app_general"),
    "client_unknown": (
        N_("Activate the app in Okta again, or copy its Client ID into the settings anew."), "client", "app_general"),
    "dpop_required": (N_("Switch the proof of possession off for this app."), _DPOP, "app_general"),
    "op_configuration_error": (
        N_("Tick Authorization Code under Grant type, and compare the sign-in redirect URI."), "authorization_code",
        "app_general"),
    "no_refresh_token": (N_("Tick Refresh Token under Grant type."), "refresh_token", "app_general"),
    "no_offline_access": (
        N_("Tick Refresh Token under Grant type, then save the settings here once more."), "refresh_token",
        "app_general"),
    "refresh_refused": (_REFRESHING, "refresh_token", "app_general"),
    "sign_out_uri_missing": (
        N_("Add this address under Sign-out redirect URIs, exactly as it is here."), "sign_out_uri", "app_general"),
    "at_okta": (
        N_("Add this address under Sign-out redirect URIs, exactly as it is here."), "sign_out_uri", "app_general"),
    "issuer_mismatch": (
        N_("Let the app's issuer be the Okta URL that is in the settings here, or enter here what is there."), _SIGN_ON,
        "app_sign_on"),
    "audience_mismatch": (N_("Compare the Client ID in the settings here with the app's."), "client", "app_general"),
    "azp_mismatch": (N_("Compare the Client ID in the settings here with the app's."), "client", "app_general"),
    "unknown_key": (
        N_("Has a key been rotated by hand a moment ago? Then wait a minute and test again."), _KEYS,
        "authorization_servers"),
    "expired": (_CLOCKS, _LOG, "system_log"),
    "iat_too_old": (_CLOCKS, _LOG, "system_log"),
    "iat_in_future": (_CLOCKS, _LOG, "system_log"),
    "groups_missing_org": (_NAME_GROUPS, _GROUPS_FILTER, "app_sign_on"),
    "groups_missing_custom": (_NAME_GROUPS, _GROUPS_CLAIM, "claims"),
    "state_expired": (N_("Start a new test login."), "", None),
    "settings_changed": (N_("Start a new test login with the settings as they are now."), "", None),
    "op_interaction_required": (
        N_("Okta wants something more of this person, such as to enrol in a second factor. Let them do that at Okta "
           "first, then test again."), _LOG, "system_log"),
}  # fmt: skip
_BY_PROBLEM: dict[str, _Entry] = {
    "login_not_assigned": (
        N_("Assign this person, or a group they belong to, to the app."), "assignments", "app_assignments"),
    "login_policy": (
        N_("Let a rule of the access policy allow Authorization Code for this app and this person. If the "
           "authorization server is the org's own, look at the app's Sign On tab: its authentication policy turned "
           "them down."),
        "access_policy", "access_policies"),
    "login_cancelled": (N_("Nothing needs to be changed: test again, and sign in this time."), "", None),
    "login_required_at_okta": (N_("Test again."), _LOG, "system_log"),
    "redirect_uri_missing": (
        N_("Add this address under Sign-in redirect URIs, exactly as it is here."), "redirect_uri", "app_general"),
    "grant_missing": (N_("Tick Authorization Code under Grant type."), "authorization_code", "app_general"),
    "client_unknown": (
        N_("Activate the app in Okta again, or copy its Client ID into the settings anew."), "client", "app_general"),
    "client_confidential": (
        N_("Create the app anew as Single-Page Application (or Native Application), and enter its Client ID here."),
        "public", "new_app"),
    "authorization_server_unknown": (
        N_("Choose another authorization server in the settings."), "authorization_server", "authorization_servers"),
    "api_access_management": (
        N_("Choose the org authorization server in the settings."), "authorization_server", "authorization_servers"),
    "issuer_confused": (
        N_("Compare the Okta domain and the authorization server in the settings with what Okta shows."),
        "authorization_server", "authorization_servers"),
    "okta_unreachable": (
        N_("Test again in a minute. If it stays so, look at status.okta.com and at the domain in the settings."),
        "domain", "home"),
    "okta_busy": (
        N_("Your Okta has had too many requests just now. Test again in a minute."), _LOG, "system_log"),
    "okta_answer_invalid": (
        N_("Something other than Okta answers, or changes its answers on the way, such as a proxy. Compare the domain "
           "in the settings with what Okta shows, then test again."), "domain", "home"),
    "okta_error": (N_("Test again. If it stays so, Okta's System Log has the reason."), _LOG, "system_log"),
    "okta_misconfigured": (N_("Compare the app in Okta with the guide."), _APP, "app_general"),
    "code_refused": (N_("Test again, without going back in the browser."), _LOG, "system_log"),
    "id_token_refused": (
        N_("No box in Okta does that by itself. Compare the Okta domain in the settings with what Okta shows, and tell "
           "us the reference."), "domain", "home"),
    "email_missing": (
        N_("Fill in the primary e-mail address of this person in Okta."), _PEOPLE, None),
    "email_not_verified": (
        N_("The person has to confirm their e-mail address at Okta."), _PEOPLE, None),
    "email_outside": (
        N_("Invite this person at POINT, or test with somebody whose address is in a domain that your organization has "
           "verified."), "", None),
    "account_exists": (
        N_("This person has an account at POINT already. At their first login they are asked to log in to it the way "
           "they do now; then the two are connected."), "", None),
    "account_taken": (
        N_("Another person of your Okta has this e-mail address at POINT. Compare the two in Okta."), _PEOPLE, None),
    "refresh_refused": (_REFRESHING, "refresh_token", "app_general"),
    "internal": (N_("Tell us the reference."), "", None),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Repair:
    """text -- what to do; where -- Okta's click path; link -- straight there, or ""; value -- to copy, or ""."""

    text: str
    where: str
    link: str
    value: str


def find_repair(stage: Stage, app: App | None, *, redirect_uri: str, sign_out_uri: str) -> Repair | None:
    """How this stage is put right; None for one that is right, or that nobody can put right."""
    entry = _BY_REASON.get(stage.reason) or _BY_PROBLEM.get(stage.problem)
    if stage.verdict == "right" or entry is None:
        return None
    text, where, place = entry
    said = where_to_change(where) or where
    values = {"sign_out_uri": sign_out_uri, "redirect_uri": redirect_uri}
    return Repair(text, said, _link(app, place), values.get(where, ""))


def _link(app: App | None, place: Place | None) -> str:
    if app is None or place is None:
        return ""
    parts = urlsplit(app.issuer)
    server = parts.path.removeprefix("/oauth2/") if parts.path.startswith("/oauth2/") else ""
    # A sandbox on loopback is named with its scheme and port.
    host = f"{parts.scheme}://{parts.netloc}" if parts.port else parts.netloc
    return admin_link(host, place, client_id=app.client_id, server_id=server)
