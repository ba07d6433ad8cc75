"""What an Okta's first answers mean: domain, engine, authorization server, and whether two apps can belong together."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from portal.errors import Refused
from portal.okta.check_calls import Calls, is_rate_limit
from portal.okta.check_rows import Found, Rows, right, unknown, wrong
from portal.okta.connect import issuer_of
from portal.okta.domain import OktaDomain, Pasted
from portal.okta.probes import Organization
from portal.okta.steps import App

_ORIGIN = re.compile(r"https?://[a-z0-9.-]{1,253}(?::[0-9]{1,5})?(?=/|\Z)")
# What the door says of a host that cannot be an Okta, and what was said instead of who it is.
_NO_OKTA = frozenset({"tls_untrusted", "domain_resolves_private", "no_okta_organization"})
_SERVER_CAUSES = frozenset({
    "authorization_server_form", "authorization_server_unknown", "api_access_management", "api_token_pasted",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Box:
    """What was entered for one app.

    id_cause -- why that cannot be a Client ID, "" when it can.
    where    -- None when it is no domain; then `cause` says why.
    """

    kind: App
    client_id: str
    id_cause: str
    where: Pasted | None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """What a box's domain led to: an organization, or the reason why not."""

    box: Box
    where: Pasted
    calls: Calls
    answer: Organization | Refused

    @property
    def organization(self) -> Organization | None:
        return self.answer if isinstance(self.answer, Organization) else None

    @property
    def is_classic(self) -> bool:
        return self.organization is not None and self.organization.pipeline == "v1"


def judge_domain(boxes: list[Box], places: list[Place]) -> Found:
    """One row for both apps: the worst of what is known."""
    by_kind = {place.box.kind: place for place in places}
    rows = [_judge_box(box, by_kind.get(box.kind)) for box in boxes]
    if len(rows) == 2 and rows[0] != rows[1]:
        rows[1] = replace(rows[1], found=f"native: {rows[1].found}".rstrip(": "))
    for verdict in ("wrong", "unknown"):
        for row in rows:
            if row.verdict == verdict:
                return row
    return right("domain", ", ".join(dict.fromkeys(row.found for row in rows)))


def _judge_box(box: Box, place: Place | None) -> Found:
    if place is None:
        return wrong("domain", box.cause)
    entered = str(place.where.domain)
    if isinstance(place.answer, Organization):
        home = str(place.answer.home)
        return right("domain", entered if entered == home else f"{entered}, run at {home}")
    cause = _domain_cause(place.answer)
    if cause:
        return wrong("domain", cause, entered)
    return unknown("domain", "rate_limited" if is_rate_limit(place.answer) else "domain_silent", entered)


def _domain_cause(refused: Refused) -> str:
    """Why it is no Okta; "" when that was not said: silence, half an answer, or something that is no HTTP."""
    if refused.reason == "custom_domain_not_named_back":
        return refused.reason
    if refused.problem.code == "domain_not_found":
        return refused.problem.code
    return "domain_not_okta" if refused.reason in _NO_OKTA else ""


def judge_engine(organization: Organization) -> Found:
    """Only Identity Engine has the Interaction Code (facts 1.3)."""
    if organization.pipeline == "v1":
        return wrong("engine", "classic_engine", "Classic Engine", "Identity Engine")
    if organization.pipeline == "idx":
        return right("engine", "Identity Engine")
    return unknown("engine", "unclear")


def tell_companions(rows: Rows, found: list[Place]) -> list[Place]:
    """The places worth asking about: the native app's is not when it cannot be the companion of the SPA's."""
    if len(found) < 2:
        return found
    homes = [str(place.organization.home) for place in found if place.organization]
    if homes[0] != homes[1]:
        rows.tell(wrong("pair", "two_orgs", ", ".join(homes), homes[0]))
        return found[:1]
    if found[0].box.client_id == found[1].box.client_id and not found[0].box.id_cause:
        rows.tell(wrong("pair", "same_client", found[0].box.client_id))
        return found[:1]
    return found


def judge_server(home: OktaDomain, wanted: str, refused: Refused) -> Found:
    """The row for an authorization server that is not to be had."""
    code = refused.problem.code
    shown = "" if wanted == "auto" or code in ("authorization_server_form", "api_token_pasted") else wanted
    if code in _SERVER_CAUSES:
        return wrong("authorization_server", code, shown)
    if refused.reason == "issuer_mismatch":
        expected = issuer_of(home, shown or "org")
        return wrong("authorization_server", "issuer_mismatch", name_issuer(refused), expected)
    return unknown("authorization_server", _name_refusal(refused), shown)


def name_issuer(refused: Refused) -> str:
    """The origin of the issuer that the metadata named instead, where it is one; nothing else of it is shown."""
    origin = _ORIGIN.match(refused.detail)
    return origin[0] if origin else ""


def _name_refusal(refused: Refused) -> str:
    """Why metadata says nothing: "rate_limited", "okta_error" (5xx), "no_answer", or "unclear"."""
    if is_rate_limit(refused):
        return "rate_limited"
    if "HTTP 5" in refused.detail:
        return "okta_error"
    away = refused.problem.code in ("okta_unreachable", "okta_busy", "domain_silent", "domain_not_found")
    return "no_answer" if away else "unclear"
