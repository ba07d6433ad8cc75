"""What Okta's answers to the questions of `interact.py` mean, step by step; nothing is believed but what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from portal.okta.embedded import Cause, Embedded, Row, Verdict
from portal.okta.probe_answers import is_name, read_grants
from portal.okta.refusals import DESCRIPTION_CAP, Answer, read_error

STRANGER = "https://example.invalid"
_ALLOWED = "access-control-allow-origin"
_HANDLE = re.compile(r"[\x21-\x7e]{1,4096}")
# One of them is in everything that IDX says, its errors included (facts 4.3, 4.4).
_IDX_MEMBERS = ("version", "stateHandle", "remediation", "messages", "errorCode")
_ORDER = {cause: number for number, cause in enumerate(Cause)}


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as far as it can be read; `document` is empty when it is no JSON object, `answer` when none came."""

    away: bool = False
    answer: Answer | None = None
    document: dict[str, Any] = field(default_factory=dict, repr=False)
    # Why no answer came, in our own words for the log.
    reason: str = ""

    @property
    def status(self) -> int:
        return self.answer.status if self.answer else 0

    @property
    def silence(self) -> str:
        """Why it says nothing, in our words."""
        if self.answer is None:
            return "no answer" if self.away else "no answer that can be read"
        return f"HTTP {self.status}"

    def header(self, name: str) -> str | None:
        return self.answer.headers.get(name) if self.answer else None


NOTHING = Heard()


@dataclass(frozen=True, slots=True)
class Answers:
    """introspected is NOTHING when there was no handle to ask about."""

    organization: Heard
    interacted: Heard
    introspected: Heard
    ours: Heard
    strangers: Heard


def read_handle(heard: Heard, name: str) -> str:
    """A handle that Okta gave, or "". At interact only success gives one; introspect gives one with failures too."""
    given = heard.document.get(name)
    fits = isinstance(given, str) and _HANDLE.fullmatch(given)
    return str(given) if fits and (heard.status == 200 or name == "stateHandle") else ""


Judged = tuple[Row, Cause | None]


def judge(answers: Answers, origin: str) -> Embedded:
    begun, told, grants = read_interaction(answers.interacted)
    engine, engine_cause = judge_engine(answers.organization, begins=begun is None)
    policy, policy_cause = judge_policy(answers.introspected, begun)
    trusted, trust_cause = judge_origin(answers.ours, answers.strangers, origin)
    setting, grant = _judge_switches(begun, told, grants, classic=engine_cause is not None)
    causes = [cause for cause in (engine_cause, begun, policy_cause, trust_cause) if cause]
    cause = min(causes, key=_ORDER.__getitem__, default=None)
    return Embedded(cause, (engine, setting, grant, policy, trusted), grants)


def judge_engine(heard: Heard, *, begins: bool) -> Judged:
    """An org that gives handles has the engine for it, whether or not it could say so."""
    pipeline = heard.document.get("pipeline") if heard.status == 200 else None
    if pipeline == "v1":
        return Row("engine", "wrong", "Classic Engine"), Cause.CLASSIC_ENGINE
    if pipeline == "idx" or begins:
        return Row("engine", "right", "Identity Engine"), None
    return Row("engine", "unknown", heard.silence), None


def read_interaction(heard: Heard) -> tuple[Cause | None, str, tuple[str, ...] | None]:
    """What interact's answer means (facts 4.1): the cause, what to show of it, and the grants that it lists."""
    if heard.away:
        return Cause.OKTA_AWAY, heard.silence, None
    if read_handle(heard, "interaction_handle"):
        return None, "", None
    if heard.answer is None or not 400 <= heard.status < 500:
        return Cause.UNCLEAR, heard.silence, None
    error, text = read_error(heard.answer)
    if error in ("access_denied", "server_error") and "requested feature" in text and "enabled" in text:
        return Cause.ORG_SETTING_OFF, "off", None
    if error == "unauthorized_client" and "grant type" in text:
        return _read_grants(text)
    if "redirect_uri" in text and error in ("invalid_request", "invalid_redirect_uri"):
        return Cause.REDIRECT_URI_MISSING, "redirect URI not registered", None
    # The same code for a client that wants a secret comes in other words.
    if error == "invalid_client" and "'client_id' parameter" in text:
        return Cause.CLIENT_UNKNOWN, "client not known", None
    return Cause.UNCLEAR, f"HTTP {heard.status} {error}" if is_name(error) else heard.silence, None


def _read_grants(text: str) -> tuple[Cause, str, tuple[str, ...] | None]:
    grants = read_grants(text)
    if grants is None:
        return Cause.APP_GRANT_MISSING, "no interaction_code", None
    if "interaction_code" in grants:
        # It refuses what it says it allows: nothing that could be mended by ticking it.
        return Cause.UNCLEAR, "refused although ticked", grants
    return Cause.APP_GRANT_MISSING, join_names(grants) or "none", grants


def join_names(names: tuple[str, ...]) -> str:
    """The names in one line, as many as fit."""
    text = ""
    for name in names:
        longer = f"{text}, {name}" if text else name
        if len(longer) > DESCRIPTION_CAP:
            break
        text = longer
    return text


def _judge_switches(
    begun: Cause | None, told: str, grants: tuple[str, ...] | None, *, classic: bool
) -> tuple[Row, Row]:
    """What interact says about the org and the app. Which it looks at first is not known: one red leaves one open."""
    if begun is None:
        return Row("org_setting", "right", "on"), Row("app_grant", "right", "interaction_code")
    if begun is Cause.ORG_SETTING_OFF:
        # Where the engine has no such setting there is nothing to switch on.
        verdict: tuple[Verdict, str] = ("unknown", "not in Classic Engine") if classic else ("wrong", told)
        return Row("org_setting", *verdict), Row("app_grant", "unknown", "not told")
    if begun is Cause.APP_GRANT_MISSING:
        return Row("org_setting", "unknown", "not told"), Row("app_grant", "wrong", told)
    return Row("org_setting", "unknown", told), Row("app_grant", "unknown", told)


def judge_policy(heard: Heard, begun: Cause | None) -> Judged:
    """Whether Okta asks who is there. Its refusal comes before any question, with a status that is not established."""
    if begun is not None:
        return Row("access_policy", "unknown", "not asked"), None
    if not heard.away and "idx.error.code.no_matching_policy" in _read_messages(heard.document):
        return Row("access_policy", "wrong", "no rule fits"), Cause.POLICY_GRANT_MISSING
    if heard.status == 200 and any(_read_items(heard.document, "remediation", "name")):
        return Row("access_policy", "right", "a rule fits"), None
    return Row("access_policy", "unknown", heard.silence), Cause.OKTA_AWAY if heard.away else Cause.UNCLEAR


def _read_messages(document: dict[str, Any]) -> set[str]:
    keys = (i18n.get("key") for i18n in _read_items(document, "messages", "i18n") if isinstance(i18n, dict))
    return {key for key in keys if isinstance(key, str)}


def _read_items(document: dict[str, Any], member: str, name: str) -> Iterator[Any]:
    """`name` of everything in the list that IDX wraps as {"type": "array", "value": [...]}."""
    wrapped = document.get(member)
    items = wrapped.get("value") if isinstance(wrapped, dict) else None
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and item.get(name):
            yield item[name]


def judge_origin(ours: Heard, strangers: Heard, origin: str) -> Judged:
    """Whether a page of `origin` may read the answers, with cookies; only then can the widget show them."""
    if not _is_idx(ours):
        return Row("trusted_origin", "unknown", ours.silence), Cause.OKTA_AWAY if ours.away else Cause.UNCLEAR
    allowed = ours.header(_ALLOWED)
    if allowed is None:
        return Row("trusted_origin", "wrong", "not trusted"), Cause.ORIGIN_NOT_TRUSTED
    if allowed != origin or ours.header("access-control-allow-credentials") != "true":
        return Row("trusted_origin", "unknown", "trusted in part"), Cause.UNCLEAR
    # From here on a browser would let the widget read; the rest is whether that is because somebody set it up.
    if not _is_idx(strangers):
        return Row("trusted_origin", "unknown", "not compared"), None
    if strangers.header(_ALLOWED) in (STRANGER, "*"):
        return Row("trusted_origin", "unknown", "every origin is let in"), None
    return Row("trusted_origin", "right", "trusted"), None


def _is_idx(heard: Heard) -> bool:
    """A page, such as a proxy's, or a 404 says nothing about the list of trusted origins."""
    known = any(isinstance(heard.document.get(name), str | dict) for name in _IDX_MEMBERS)
    return known and heard.status in (200, 400, 401, 403)
