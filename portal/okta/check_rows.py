"""What the checks have found out: one row for each step of the guide, told as soon as it is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Literal

from portal.okta.interact_answers import Heard
from portal.okta.steps import BY_ID, STEPS

# "login": nothing but a test login can tell.
Verdict = Literal["right", "wrong", "unknown", "login"]
MOST_CHARACTERS = 200

# Every cause that a row can have, and what it means. Stable: stored with the results, and mapped to texts by the pages.
CAUSES: dict[str, str] = {
    # -- why a row is wrong ---------------------------------------------------------------------------------------
    **dict.fromkeys(
        ("domain_empty", "domain_form", "domain_is_email", "domain_is_ip", "domain_not_https", "domain_has_port",
         "domain_has_path", "domain_incomplete", "domain_typo", "domain_not_ascii", "domain_not_org",
         "domain_not_okta", "domain_not_found"),
        "domain: as the Problem of that name",
    ),
    "custom_domain_not_named_back": "domain: the Okta that it names does not name it back",
    "api_token_pasted": "domain, client, authorization_server: a token of Okta's API",
    "classic_engine": "engine: Classic Engine, which has no Interaction Code",
    "authorization_server_form": "authorization_server: not the id of one",
    "authorization_server_unknown": "authorization_server: Okta has none with that id",
    "api_access_management": "authorization_server: this Okta has no custom ones",
    "issuer_mismatch": "authorization_server: its metadata names another issuer",
    "issuer_mode": "authorization_server: an app puts another host into its tokens (Sign On, Issuer)",
    "org_setting_off": "interaction_code_setting: Embedded widget sign-in support is off",
    **dict.fromkeys(
        ("field_required", "field_together", "client_id_form", "client_id_is_url", "client_id_is_secret"),
        "client: as the Problem of that name",
    ),
    "client_unknown": "client: not known to this Okta, or not active",
    "client_confidential": "public: it wants a client secret",
    "service_app": "public: an API service, which signs nobody in",
    "dpop_required": "public: it demands DPoP (Proof of possession)",
    "grant_missing": "a grant: not ticked in the app; `found` lists those that are",
    "offline_access_refused": "offline_access: refused although the Refresh Token grant is ticked",
    "redirect_uri_missing": "redirect_uri: not registered to the letter",
    "policy_grant_missing": "access_policy: no rule lets Interaction Code through",
    "two_orgs": "pair: the two domains are two Oktas",
    "same_client": "pair: one Client ID in both fields",
    "swapped": "pair: each app has the other's redirect URI",
    "origin_not_trusted": "trusted_origin: pages of ours may not read Okta's answers",
    # -- why it could not be told ---------------------------------------------------------------------------------
    "not_asked": "it hangs on a step that is broken or was not told",
    "as_spa": "native: the same as at the SPA, and probably by the same rule",
    "not_told": "Okta looked at something else first",
    "only_for_embedded": "not as the guide has it, which matters only when people sign in on POINT's page",
    "not_in_classic": "Classic Engine has no such setting",
    "not_comparable": "trusted_origin: who else may read could not be seen, or everybody may",
    "domain_silent": "domain: nobody answers there just now",
    "no_answer": "no answer in time, or none that could be read",
    "okta_error": "Okta answered with a failure of its own (5xx)",
    "rate_limited": "Okta said that we ask too often (429)",
    "unclear": "an answer that Okta is not known to give",
}


@dataclass(frozen=True, slots=True)
class Found:
    """One row.

    step     -- an id of `steps.STEPS`.
    cause    -- why it is not right: a stable code of `checks.CAUSES`; "" for "right" and "login".
    found    -- what there is: a few words of ours or safe names (grants, hosts, ids), at most 200 characters.
    expected -- what it should be (a URI, a grant, ...); "" where there is nothing to say.
    """

    step: str
    verdict: Verdict
    cause: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class Report:
    """All rows in the order of the guide, and where in that Okta things are put right.

    okta_host -- the host run by Okta, on loopback its origin; "" when not known.
    server_id -- of the SPA's authorization server: "org", "default", "aus..."; "" when not known.
    """

    rows: tuple[Found, ...]
    okta_host: str
    server_id: str


def right(step: str, found: str = "", expected: str = "") -> Found:
    return Found(step, "right", "", found[:MOST_CHARACTERS], expected)


def wrong(step: str, cause: str, found: str = "", expected: str = "") -> Found:
    return Found(step, "wrong", cause, found[:MOST_CHARACTERS], expected)


def unknown(step: str, cause: str, found: str = "", expected: str = "") -> Found:
    """cause -- "not_asked": it hangs on something broken. "not_told": Okta looked at something else first."""
    return Found(step, "unknown", cause, found[:MOST_CHARACTERS], expected)


def login(step: str, expected: str = "") -> Found:
    return Found(step, "login", "", "", expected)


def silent(step: str, heard: Heard, expected: str = "") -> Found:
    """The row for an answer that says nothing about it."""
    return unknown(step, name_silence(heard), heard.silence, expected)


def name_silence(heard: Heard) -> str:
    """Why an answer says nothing: "rate_limited", "no_answer", "okta_error" (5xx), or "unclear"."""
    if heard.status == 429 or heard.reason == "rate_limited":
        return "rate_limited"
    if heard.answer is None:
        return "no_answer"
    return "okta_error" if heard.status >= 500 else "unclear"


class Rows:
    """The rows known by now; safe for threads. `report` hears of each once, one at a time.

    embedded -- whether people sign in on POINT's page. Where they do not, what only that needs cannot be wrong: a miss
                is "unknown" with the cause "only_for_embedded", so that it is told and nothing turns red.
    """

    def __init__(self, *, embedded: bool, report: Callable[[Found], None]) -> None:
        self._embedded = embedded
        self._report = report
        self._known: dict[str, Found] = {}
        self._lock = Lock()

    def tell(self, *rows: Found) -> None:
        """Adds what is not known yet: the first word about a step counts."""
        for row in rows:
            with self._lock:
                if row.step not in self._known:
                    self._known[row.step] = told = self._soften(row)
                    self._report(told)

    def _soften(self, row: Found) -> Found:
        """What is wrong for this organization, and has not been told in another row already."""
        if row.verdict != "wrong":
            return row
        if not self._embedded and BY_ID[row.step].embedded_only:
            return replace(row, verdict="unknown", cause="only_for_embedded")
        # Rules of an authorization server are for all of its apps, as a rule: one that is missing is one mistake.
        first = self._known.get(row.step.replace("native.", "spa."))
        shared = BY_ID[row.step].place == "access_policies" and first is not None and first.cause == row.cause
        return replace(row, verdict="unknown", cause="as_spa") if shared else row

    def verdict(self, step: str) -> Verdict | None:
        """What is known of a step by now."""
        with self._lock:
            return self._known[step].verdict if step in self._known else None

    def finish(self, steps: Iterable[str]) -> tuple[Found, ...]:
        """All of `steps` in the order of the guide; what nobody has told hangs on something broken."""
        wanted = set(steps)
        ordered = [step.id for step in STEPS if step.id in wanted]
        self.tell(*(unknown(step, "not_asked") for step in ordered))
        return tuple(self._known[step] for step in ordered)
