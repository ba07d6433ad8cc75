"""What people read about the stages of a test login; everything is marked for the catalogue and translated where shown.

Names of parameters and claims stay what they are in Okta's own documents.
"""

from __future__ import annotations

from portal.errors import N_, Problem
from portal.trial_stages import Stage

TITLES = {
    "metadata": N_("Okta's metadata"),
    "authorize": N_("The way to Okta"),
    "callback": N_("The way back"),
    "token": N_("Tokens for the code"),
    "keys": N_("Okta's keys"),
    "id_token": N_("ID token, claim by claim"),
    "userinfo": N_("Userinfo"),
    "admission": N_("Would POINT let this person in?"),
    "groups": N_("Role from Okta's groups"),
    "refresh": N_("Refresh"),
    "logout": N_("Signing out"),
}
VERDICTS = {
    "right": (N_("Right"), "good"),
    "wrong": (N_("To put right"), "warning"),
    "unknown": (N_("Could not tell"), "neutral"),
    "waiting": (N_("Under way"), "neutral"),
    "noted": (N_("For information"), "neutral"),
    "skipped": (N_("Not reached"), "neutral"),
    "": (N_("Still to come"), "neutral"),
}
APPS = {"spa": N_("Web"), "native": N_("Phone")}
SUBJECTS = {"draft": N_("the draft"), "live": N_("the settings that are live")}
WORDS = {
    "none": N_("none"),
    "came": N_("came"),
    "did_not_come": N_("did not come"),
    "missing": N_("missing"),
    "unchanged": N_("unchanged"),
    "not_named": N_("not named"),
    "openid_among": N_("with openid among them"),
    "published": N_("one that Okta publishes"),
    "kept": N_("was known already"),
    "asked_now": N_("was fetched for this login"),
    "by_that_key": N_("made with that key"),
    "fits": N_("fits"),
    "does_not_fit": N_("does not fit"),
    "not_reached": N_("not looked at"),
    "an_id": N_("the person's id at Okta"),
    "later": N_("in the future"),
    "just_now": N_("within the last ten minutes"),
    "not_later": N_("in the past"),
    "of_access_token": N_("fits the access token"),
    "of_code": N_("fits the code"),
    "an_address": N_("an e-mail address"),
    "verified_domain": N_("a domain that your organization has verified"),
    "joins": N_("none yet: it would be created, as Volunteer"),
    "joins_by_groups": N_("none yet: it would be created"),
    "member": N_("is a member already"),
    "names_of_groups": N_("names of groups"),
    "in_id_token": N_("in the ID token"),
    "at_userinfo": N_("at userinfo"),
    "no_group": N_("none of the groups that give a role"),
    "role_owner": N_("Owner"),
    "role_admin": N_("Admin"),
    "role_volunteer": N_("Volunteer"),
    "rotated": N_("a new one: Okta rotates it"),
    "the_same": N_("the same again: Okta does not rotate it"),
    "same_person": N_("the same person"),
    "until_known": N_("shown when the test login is over"),
    "withheld": N_("not shown: another organization at POINT logs in with this app, or has verified the domain of this "
                   "person's address"),
}  # fmt: skip
# Finer than the problem: what was found, by its reason.
_FOUND = {
    "no_userinfo": N_("This Okta has no such endpoint."),
    "no_sign_out": N_("This Okta has no such endpoint. People are logged out of POINT and stay signed in at Okta."),
    "no_offline_access": N_(
        "POINT does not ask for refresh tokens here, since Okta did not allow them when the settings were entered. "
        "Logging in works, but POINT cannot notice by itself when somebody is deactivated in Okta."
    ),
    "no_refresh_token": N_(
        "POINT asked for a refresh token (offline_access), and Okta gave none. Logging in works, but POINT cannot "
        "notice by itself when somebody is deactivated in Okta."
    ),
    "groups_missing_org": N_(
        "Okta named no groups. Either it is not set up to name them, or this person is in none of those that it may "
        "name. At a login that counts as no group."
    ),
    "groups_missing_custom": N_(
        "Okta named no groups. Either it is not set up to name them, or this person is in none of those that it may "
        "name. At a login that counts as no group."
    ),
    "sign_out_unclear": N_("Okta's answer did not tell whether it would send people back here."),
    "sign_out_uri_missing": N_("Okta does not send people back to POINT after signing out, but shows an error page."),
    "came_back": N_("Somebody signed out at Okta and was sent back here."),
    "at_okta": N_(
        "Somebody has gone to sign out at Okta and is not back yet. If Okta shows an error page instead, the address "
        "below is missing there."
    ),
    "issuer_mismatch": N_("The token was made by another issuer than the one that was asked."),
    "audience_mismatch": N_("The token was made for another app."),
    "azp_mismatch": N_("The token was made for another app."),
    "subject_missing": N_("The token does not say who it is about."),
    "subject_mismatch": N_("Okta's answer is about another person than the ID token."),
    "expired": N_("The token was out of date when it came."),
    "iat_in_future": N_("The token says that it will be made only later."),
    "iat_too_old": N_("The token was not made for this login: it is too old."),
    "nonce_mismatch": N_("The token belongs to another login."),
    "at_hash_mismatch": N_("The ID token and the access token do not belong together."),
    "bad_signature": N_("The signature is not one of this Okta's."),
    "alg_not_allowed": N_("The token is signed in a way that POINT does not accept, or not at all."),
    "unknown_key": N_("The token names a key that this Okta does not publish."),
    "malformed": N_("Something in the token is not as the standard has it."),
    "id_token_missing": N_("There was no ID token in Okta's answer."),
    "scope_refused": N_("Okta does not allow this app one of the scopes that POINT asks for."),
    "grant_missing": N_("Okta does not allow this app this way of logging in."),
    "client_unknown": N_("Okta does not know this Client ID (any more)."),
    "dpop_required": N_("The app in Okta demands a proof of possession (DPoP) with every token."),
    "userinfo_signed": N_("Okta signed the answer, while POINT asks for plain JSON."),
    "code_rejected_by_op": N_("Okta did not accept the code: it was too old, or something had used it before."),
    "refresh_refused": N_("Okta took back the refresh token, or never meant it to be used."),
    "state_expired": N_("Somebody took too long at Okta. A login has to be finished within a few minutes."),
    "settings_changed": N_("The settings changed while somebody was at Okta. Nothing was sent there any more."),
    "internal": N_("Something went wrong on our side. It has been written down."),
}  # fmt: skip
# What the person at Okta is told in other words than those who look after it.
_FOUND_OF_PERSON = {
    "login_not_assigned": N_("Okta knows this person, but they are not assigned to the app."),
    "login_policy": N_("A policy in Okta does not let this person into the app."),
    "login_cancelled": N_("Somebody pressed Cancel at Okta, or Okta turned them down without saying why."),
    "login_required_at_okta": N_("Okta wants something more of this person before it lets them in."),
    "email_missing": N_("Okta did not tell an e-mail address, neither in the ID token nor by userinfo."),
    "email_not_verified": N_("Okta says that this person's e-mail address is not verified."),
    "email_outside": N_("This person's e-mail address is outside the domains that your organization has verified."),
    "account_exists": N_("This person has an account at POINT that does not belong to your organization alone."),
    "account_taken": N_("At POINT, this e-mail address belongs to another person of your Okta."),
    "id_token_refused": N_("The ID token does not pass the checks; the rows below say which."),
}
_WAITING = {
    "authorize": N_(
        "Somebody is at Okta now. If Okta shows an error page there, look at the app's sign-in redirect URIs and "
        "assignments."
    ),
}


def describe(stage: Stage) -> str:
    """What was found at a stage that is not simply right; "" for one that is."""
    if stage.reason in _FOUND:
        return _FOUND[stage.reason]
    if stage.problem in _FOUND_OF_PERSON:
        return _FOUND_OF_PERSON[stage.problem]
    if stage.problem:
        problem = Problem.__members__.get(stage.problem.upper())
        return f"{problem.title}." if problem else stage.problem
    return _WAITING.get(stage.id, "") if stage.verdict == "waiting" else ""
