"""What people read about each step and cause of the live checks: names, sentences, Okta's own click paths. No Flask.

All of it is marked for the catalogue here and translated where it is shown. Labels in quotation of Okta are Okta's own.
"""

from __future__ import annotations

import re

from portal.errors import N_, Problem

# The guide's words for each step, in the order of the guide.
TITLES = {
    "domain": N_("Okta domain"),
    "authorization_server": N_("Authorization server"),
    "pair": N_("The two apps belong together"),
    "spa.client": N_("Web app: Client ID"),
    "spa.public": N_("Web app: Single-Page Application without a secret"),
    "spa.authorization_code": N_("Web app: Authorization Code"),
    "spa.refresh_token": N_("Web app: Refresh Token"),
    "spa.offline_access": N_("Web app: scope offline_access"),
    "spa.redirect_uri": N_("Web app: Sign-in redirect URI"),
    "spa.sign_out_uri": N_("Web app: Sign-out redirect URI"),
    "spa.assignments": N_("Web app: Assignments"),
    "native.client": N_("Phone app: Client ID"),
    "native.public": N_("Phone app: Native Application without a secret"),
    "native.authorization_code": N_("Phone app: Authorization Code"),
    "native.refresh_token": N_("Phone app: Refresh Token"),
    "native.offline_access": N_("Phone app: scope offline_access"),
    "native.redirect_uri": N_("Phone app: Sign-in redirect URI"),
    "native.sign_out_uri": N_("Phone app: Sign-out redirect URI"),
    "native.assignments": N_("Phone app: Assignments"),
    "engine": N_("Okta Identity Engine"),
    "interaction_code_setting": N_("Embedded widget sign-in support"),
    "spa.interaction_code": N_("Web app: Interaction Code"),
    "spa.access_policy": N_("Web app: access policy with Interaction Code"),
    "native.interaction_code": N_("Phone app: Interaction Code"),
    "native.access_policy": N_("Phone app: access policy with Interaction Code"),
    "trusted_origin": N_("Trusted origin"),
}

# The same inside the group of an app.
_NAMES = {
    "client": N_("Client ID"),
    "authorization_code": N_("Authorization Code"),
    "refresh_token": N_("Refresh Token"),
    "offline_access": N_("Scope offline_access"),
    "redirect_uri": N_("Sign-in redirect URI"),
    "sign_out_uri": N_("Sign-out redirect URI"),
    "assignments": N_("Assignments"),
    "spa.public": N_("Single-Page Application without a secret"),
    "native.public": N_("Native Application without a secret"),
}

GROUPS = {
    "okta": N_("Okta itself"),
    "spa": N_("Web app"),
    "native": N_("Phone app"),
    "embedded": N_("Embedded sign-in"),
}

VERDICTS = {
    "right": N_("Right"),
    "wrong": N_("To put right"),
    "unknown": N_("Could not tell"),
    "login": N_("Only a test login can tell"),
    "later": N_("Not looked up yet"),
    "needless": N_("Not needed now"),
    "waiting": N_("Checking..."),
}

_APP = N_("In Okta: Applications > Applications > your POINT app > General > General Settings > Edit.")
_GRANT = N_("In Okta: Applications > Applications > your POINT app > General > General Settings > Edit > Grant type.")
_RULE = N_(
    "In Okta: Security > API > Authorization Servers > your server > Access Policies > the rule that holds for POINT > "
    "Edit > Advanced."
)
# By the step, or by what follows the dot where both apps have it.
_WHERE = {
    "domain": N_("In Okta: the Admin Console shows the domain at the top right, under your name."),
    "authorization_server": N_("In Okta: Security > API > Authorization Servers."),
    "pair": N_("In Okta: Applications > Applications > Active. Both apps are in this list."),
    "client": N_("In Okta: Applications > Applications > your POINT app > General > Client Credentials > Client ID."),
    "public": N_("In Okta: Applications > Applications > your POINT app > General > Client Credentials > Edit."),
    "authorization_code": _GRANT,
    "refresh_token": _GRANT,
    "interaction_code": N_(
        "In Okta: Applications > Applications > your POINT app > General > General Settings > Edit > Grant type > "
        "Advanced > Other grants."
    ),
    "offline_access": _RULE,
    "redirect_uri": N_(
        "In Okta: Applications > Applications > your POINT app > General > General Settings > Edit > Sign-in redirect "
        "URIs > Add URI."
    ),
    "sign_out_uri": N_(
        "In Okta: Applications > Applications > your POINT app > General > General Settings > Edit > Sign-out redirect "
        "URIs > Add URI."
    ),
    "assignments": N_("In Okta: Applications > Applications > your POINT app > Assignments > Assign."),
    "access_policy": _RULE,
    "engine": "",
    "interaction_code_setting": N_("In Okta: Settings > Account > Embedded widget sign-in support > Edit."),
    "trusted_origin": N_("In Okta: Security > API > Trusted Origins > Add Origin, with type Cross-Origin Resource "
                         "Sharing (CORS)."),
}  # fmt: skip

# Steps whose `expected` is a value to carry to Okta, not words.
VALUES = frozenset({"redirect_uri", "sign_out_uri", "trusted_origin"})
_LABELS = (N_("Found"), N_("It should be"))
_TICKS = (N_("Ticked now"), N_("To be ticked"))
_GRANTS = frozenset({"authorization_code", "refresh_token", "interaction_code", "access_policy"})
# Okta's own labels, which are not translated.
_GRANT_LABELS = {
    "authorization_code": "Authorization Code",
    "refresh_token": "Refresh Token",
    "interaction_code": "Interaction Code",
    "implicit": "Implicit (hybrid)",
    "client_credentials": "Client Credentials",
    "password": "Resource Owner Password",
}
_ENTERED = frozenset({"domain", "authorization_server", "client", "public", "pair"})

_TOLD = {"only_for_embedded": "needless", "not_asked": "later", "not_told": "later", "as_spa": "later"}
_GENERIC = {
    "right": "",
    "wrong": N_("Okta has this set up differently."),
    "unknown": N_("Okta's answer did not tell. That says nothing about whether it is right."),
    "login": N_("Okta shows this only when somebody signs in."),
    "later": N_("Not looked up, since something it depends on has to be put right first."),
    "needless": N_("Only the sign-in on POINT's page needs this. Your people sign in on Okta's page."),
    "waiting": "",
}
# By the cause, or by step and cause where a step has its own words for it. Causes that are the code of a Problem and
# are not here are explained by its advice.
CAUSES: dict[str, str] = {
    # Nothing is known.
    "not_asked": _GENERIC["later"],
    "not_told": N_("Okta looked at something else first. Check again when the rest is right."),
    "as_spa": N_("The same as for the web app, and probably by the same rule. Check again when that is put right."),
    "rate_limited": N_("Your Okta asked us to slow down. Check again in a few minutes."),
    "no_answer": N_("Your Okta did not answer in time. Check again in a minute."),
    "okta_error": N_("Your Okta answered with an error of its own. Check again in a few minutes."),
    "unclear": N_("Okta's answer was not one that we know. A test login shows whether it works."),
    "not_comparable": N_(
        "This Okta answers every page alike, so that it could not be told. The sign-in on POINT's login page shows"
        " whether it works."
    ),
    "domain_silent": N_("Nothing answered at this address just now. Check its spelling, and check again in a minute."),
    "stopped": N_("The checks stopped before this was known. Check again."),
    "only_for_embedded": _GENERIC["needless"],
    # The domain and the authorization server.
    "custom_domain_not_named_back": N_(
        "This address names an Okta that does not name it back, so that we cannot tell whose it is. Enter the "
        "domain that ends in okta.com."
    ),
    "domain_not_okta": N_("This address is not that of an Okta. Enter the domain that ends in okta.com."),
    "issuer_mismatch": N_(
        "This authorization server calls itself differently. Enter the domain that it uses as its Issuer, or "
        "choose another authorization server."
    ),
    "issuer_mode": N_(
        "The app writes another Issuer into its tokens than the domain that is entered in POINT. In Okta, set the "
        "Issuer under Sign On > OpenID Connect ID Token to the Okta URL, or to Dynamic."
    ),
    # The apps.
    "client_unknown": N_(
        "This Okta has no active app with this Client ID. Copy it again from the app's General tab, and see that "
        "the app is active."
    ),
    "client_confidential": N_(
        "The app wants a client secret, so it is a Web Application. Create the app again as Single-Page "
        "Application or Native Application, and enter its Client ID here."
    ),
    "public client_confidential": N_(
        "The app wants a client secret. Choose None under Client authentication. If Okta does not offer that, "
        "create the app again as Single-Page Application or Native Application."
    ),
    "dpop_required": N_(
        "The app demands DPoP. Clear \"Require Demonstrating Proof of Possession (DPoP) header in token "
        "requests\"."
    ),
    "service_app": N_(
        "This is an API service, with which people cannot sign in. Create the app again as Single-Page Application"
        " or Native Application."
    ),
    "grant_missing": N_("This grant type is not ticked in the app. Tick it and save."),
    "interaction_code grant_missing": N_(
        "Interaction Code is not ticked in the app. Tick it under Advanced and save."
    ),
    "offline_access_refused": N_(
        "The authorization server refuses the scope offline_access for this app. Allow it in the rule, under \"The"
        " following scopes\", or choose \"Any scopes\"."
    ),
    "redirect_uri_missing": N_(
        "The app does not have this Sign-in redirect URI. Add it exactly as it stands here, and keep those there are."
    ),
    "two_orgs": N_("The two apps are in two different Oktas. Both have to be in the same one."),
    "same_client": N_(
        "Both fields have the same Client ID. The web app and the phone app are two apps in Okta, each with its "
        "own."
    ),
    "swapped": N_("The two Client IDs are in each other's field. Swap them in POINT's settings."),
    # The embedded sign-in.
    "classic_engine": N_(
        "This Okta still runs the Classic Engine, which has no Interaction Code. Only Okta can upgrade it. Until "
        "then, let people sign in on Okta's page."
    ),
    "not_in_classic": N_("The Classic Engine has no such setting. Only Okta can upgrade it."),
    "org_setting_off": N_(
        "Interaction Code is switched off for the whole Okta. Tick Interaction Code and save. After that it has to"
        " be ticked in both apps again."
    ),
    "policy_grant_missing": N_(
        "No rule of the authorization server allows Interaction Code for this app. Tick it in the rule and save. "
        "Without a policy, add one with a rule first."
    ),
    "origin_not_trusted": N_(
        "Okta does not let POINT's login page talk to it. Add this origin exactly as it stands here, without a slash "
        "at the end, and tick CORS."
    ),
}
_PROBLEMS = {problem.code: problem.advice for problem in Problem}


def title_of(step: str) -> str:
    """The name of a step; its id where this version does not know it."""
    return TITLES.get(step, step)


def name_of(step: str) -> str:
    """The name of a step where the app it belongs to is said already."""
    return _NAMES.get(step) or _NAMES.get(step.partition(".")[2]) or title_of(step)


def group_of(step: str, *, embedded_only: bool) -> str:
    """The key in GROUPS of the group that a step is shown in."""
    app = step.partition(".")[0]
    return "embedded" if embedded_only else app if app in GROUPS else "okta"


def where_to_change(step: str) -> str:
    """Okta's own click path to where a step is put right; "" where nobody but Okta can."""
    return _WHERE.get(step) or _WHERE.get(step.partition(".")[2], "")


def is_entered_here(step: str) -> bool:
    """Whether a step is put right in POINT's own settings, with a value from Okta."""
    return _part(step) in _ENTERED


def shown_verdict(verdict: str, cause: str) -> str:
    """The key in VERDICTS: a miss that only the embedded sign-in would mind is "needless", what hangs on another step
    comes "later", and a word of a newer version is "unknown"."""
    told = _TOLD.get(cause, verdict)
    return told if told in VERDICTS else "unknown"


def explain(step: str, verdict: str, cause: str) -> str:
    """What is the matter, and what to do, in a sentence or two; "" where there is nothing to say.

    A cause that this version does not know is explained by its verdict alone.
    """
    known = CAUSES.get(f"{_part(step)} {cause}") or CAUSES.get(cause) or _PROBLEMS.get(cause)
    return known or _GENERIC.get(verdict, _GENERIC["unknown"])


def labels_of(step: str) -> tuple[str, str]:
    """What to call what was found and what it should be."""
    return _TICKS if _part(step) in _GRANTS else _LABELS


def spell(step: str, text: str) -> str:
    """`text` of a row as Okta's pages write it: grant types by their labels."""
    if _part(step) not in _GRANTS:
        return text
    return re.sub(r"[a-z_]+", lambda name: _GRANT_LABELS.get(name[0], name[0]), text)


def is_value(step: str) -> bool:
    """Whether what a step should be is a value to copy."""
    return _part(step) in VALUES


def _part(step: str) -> str:
    """What follows the app, or all of it."""
    return step.partition(".")[2] or step
