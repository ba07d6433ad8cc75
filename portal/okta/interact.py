"""Whether Okta's embedded sign-in (Interaction Code) can work for an app, asked at its Okta, and kept for minutes.

Asks what the widget would ask, up to the form in which somebody types a name (facts 4, 7). Nothing secret is sent,
nothing is believed but what Okta says in so many words, and whatever Okta says becomes a verdict, never an exception.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock
from typing import Any, Literal

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from portal.errors import Problem, Refused
from portal.okta.connect import LimitedDoor
from portal.okta.keep import Kept
from portal.okta.metadata import Provider
from portal.okta.refusals import DESCRIPTION_CAP, Answer, read_error

PROBE_SECONDS = 1.5
GOOD_SECONDS, BAD_SECONDS = 300.0, 60.0  # how long an answer is believed
MAX_STATES = 1000
_WAIT_AFTER = 600.0  # seconds: an answer older than this is nobody's, not even while it is asked for anew
_STRANGER = "https://example.invalid"
_ALLOWED = "access-control-allow-origin"
_JSON = {"accept": "application/json"}
_ION_TYPE = "application/ion+json; okta-version=1.0.0"
_IDX_TYPE = "application/json; okta-version=1.0.0"
_MOST_GRANTS = 20

# Okta's own addresses alone: {okta}/oauth2/v1/token of the org's server, {okta}/oauth2/{id}/v1/token of the others.
_TOKEN_ENDPOINT = re.compile(r"(https?://[A-Za-z0-9.:\[\]-]+)(/oauth2(?:/[A-Za-z0-9_-]{1,64})?/v1)/token")
_HANDLE = re.compile(r"[\x21-\x7e]{1,4096}")
_GRANT_LIST = re.compile(r"Configured grant types: \[([^\]]{0,2000})\]")
_NAME = re.compile(r"[A-Za-z0-9_:./-]{1,64}")

Step = Literal["engine", "org_setting", "app_grant", "access_policy", "trusted_origin"]
Verdict = Literal["right", "wrong", "unknown"]
Key = tuple[str, str]
STEPS: tuple[Step, ...] = ("engine", "org_setting", "app_grant", "access_policy", "trusted_origin")


class Cause(Enum):
    """Why the embedded sign-in cannot work. When several hold, the first of this list is the one to mend first."""

    CLASSIC_ENGINE = "classic_engine"
    CLIENT_UNKNOWN = "client_unknown"
    REDIRECT_URI_MISSING = "redirect_uri_missing"
    ORG_SETTING_OFF = "org_setting_off"
    APP_GRANT_MISSING = "app_grant_missing"
    POLICY_GRANT_MISSING = "policy_grant_missing"
    ORIGIN_NOT_TRUSTED = "origin_not_trusted"
    OKTA_AWAY = "okta_away"
    UNCLEAR = "unclear"


_ORDER = {cause: number for number, cause in enumerate(Cause)}


@dataclass(frozen=True, slots=True)
class Row:
    """One step of the guide. found -- a few words of ours, or the names of grants; at most 200 characters."""

    step: Step
    verdict: Verdict
    found: str


@dataclass(frozen=True, slots=True)
class Embedded:
    """cause -- None when the widget can work. rows -- all five steps. grants -- what the app has, when Okta told."""

    cause: Cause | None
    rows: tuple[Row, ...]
    grants: tuple[str, ...] | None


def probe_embedded(
    door: LimitedDoor, provider: Provider, *, client_id: str, redirect_uri: str, scope: str, origin: str,
    seconds: float = PROBE_SECONDS,
) -> Embedded:  # fmt: skip
    """Whether the widget on a page of `origin` could sign somebody in to this app.

    redirect_uri, scope -- those of the app's logins.   origin -- of our pages, without a slash at the end.
    seconds             -- for all of it. A second thread shares the way, since an Okta may be far.
    What is asked: /v1/interact without Origin, with the challenge of a verifier that is thrown away; with its handle
    /idp/idx/introspect, where Okta says whether a rule lets this flow through, once more for `origin` and for a
    stranger's, where it says who may read (CORS); then /cancel. Facts 1.3, 4.1 to 4.4 and 7. Raises nothing for what
    Okta says or does not say.
    """
    place = _TOKEN_ENDPOINT.fullmatch(provider.token_endpoint)
    # The metadata's reader has held the endpoint to the issuer's origin; this is the same once more, for IDX.
    if place is None or not f"{provider.issuer}/".startswith(f"{place[1]}/"):
        return _all_unknown(Cause.UNCLEAR, "no interact endpoint")
    form = {
        "client_id": client_id,
        "scope": scope,
        "redirect_uri": redirect_uri,
        "code_challenge": create_s256_code_challenge(secrets.token_urlsafe(32)),
        "code_challenge_method": "S256",
        "state": secrets.token_urlsafe(16),
        "nonce": secrets.token_urlsafe(16),
    }
    asking = _Asking(door, place[1], f"{place[1]}{place[2]}/interact", seconds)
    return _judge(asking.ask(form, origin), origin)


class EmbeddedStates:
    """The answers for the apps in use, by (issuer, client id); at most 1,000, safe for threads.

    clock -- seconds since whenever.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: OrderedDict[Key, _State] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key, probe: Callable[[], Embedded]) -> Embedded:
        """What is known, from `probe` when that is older than 5 minutes, or a minute if the widget could not work.

        One thread asks. The others go on with the last answer, or wait for the first. Raises nothing of its own.
        """
        state = self._state(key)
        try:
            return state.kept.get(
                lambda: state.remember(probe()), now=self._clock(), due=state.due, limit=_WAIT_AFTER,
                stale=float("inf"), alarm=("embedded_probe_failed", key[0]),
            )  # fmt: skip
        except Refused:
            return _all_unknown(Cause.OKTA_AWAY, "no answer")

    def forget(self, key: Key) -> None:
        """Drops what is known, so that the next one asks anew: what is being asked right now is not kept either."""
        with self._lock:
            self._states.pop(key, None)

    def _state(self, key: Key) -> _State:
        with self._lock:
            state = self._states.setdefault(key, _State())
            self._states.move_to_end(key)
            if len(self._states) > MAX_STATES:
                self._states.popitem(last=False)
            return state


class _State:
    """What is kept of one app, and for how many seconds it is believed."""

    __slots__ = ("due", "kept")

    def __init__(self) -> None:
        self.kept: Kept[Embedded] = Kept(patience=PROBE_SECONDS + 0.5)
        self.due = BAD_SECONDS

    def remember(self, found: Embedded) -> Embedded:
        self.due = GOOD_SECONDS if found.cause is None else BAD_SECONDS
        return found


# -- asking -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Heard:
    """An answer as far as it can be read; `document` is empty when it is no JSON object, `answer` when none came."""

    away: bool = False
    answer: Answer | None = None
    document: dict[str, Any] = field(default_factory=dict, repr=False)

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


_NOTHING = _Heard()


@dataclass(frozen=True, slots=True)
class _Answers:
    """introspected is _NOTHING when there was no handle to ask about."""

    organization: _Heard
    interacted: _Heard
    introspected: _Heard
    ours: _Heard
    strangers: _Heard


@dataclass(frozen=True, slots=True)
class _Asking:
    door: LimitedDoor
    base: str
    interact: str
    seconds: float

    def ask(self, form: dict[str, str], origin: str) -> _Answers:
        """This thread begins a sign-in and ends it; the other one asks about the org, and then for `origin`."""
        handle: Future[str] = Future()
        with ThreadPoolExecutor(1, "okta-embedded") as beside:
            others = beside.submit(self._ask_beside, handle, origin)
            try:
                with self.door.within(self.seconds):
                    return self._ask_here(form, handle, others)
            finally:
                # Whatever went wrong here, the other thread must not wait for ever.
                if not handle.done():
                    handle.set_result("")

    def _ask_here(
        self, form: dict[str, str], handle: Future[str], others: Future[tuple[_Heard, _Heard]]
    ) -> _Answers:
        interacted = _hear(lambda: self.door.post_form(self.interact, form, headers=_JSON))
        given = _read_handle(interacted, "interaction_handle")
        introspected = self._introspect(given) if given else _NOTHING
        # Not before: two first questions about one handle at once are nothing that a widget would ask.
        about = given or secrets.token_urlsafe(32)
        handle.set_result(about)
        strangers = self._introspect(about, _STRANGER)
        organization, ours = others.result()
        state_handle = _read_handle(introspected, "stateHandle")
        if state_handle:
            self._cancel(state_handle)
        return _Answers(organization, interacted, introspected, ours, strangers)

    def _ask_beside(self, handle: Future[str], origin: str) -> tuple[_Heard, _Heard]:
        # The limit of `within` is this thread's own.
        with self.door.within(self.seconds):
            organization = _hear(lambda: self.door.get(f"{self.base}/.well-known/okta-organization", headers=_JSON))
            about = handle.result()
            return organization, self._introspect(about, origin) if about else _NOTHING

    def _introspect(self, handle: str, origin: str = "") -> _Heard:
        """Without a handle of Okta's a made-up one serves: CORS lets a page read "session expired" just as well."""
        headers = {"accept": _ION_TYPE} | ({"origin": origin} if origin else {})
        url, body = f"{self.base}/idp/idx/introspect", {"interactionHandle": handle}
        return _hear(lambda: self.door.post_json(url, body, content_type=_ION_TYPE, headers=headers))

    def _cancel(self, state_handle: str) -> None:
        """As far as there is time; otherwise Okta forgets the sign-in by itself, within the hour."""
        url, body = f"{self.base}/idp/idx/cancel", {"stateHandle": state_handle}
        _hear(lambda: self.door.post_json(url, body, headers={"accept": _IDX_TYPE}))


def _hear(call: Callable[[], Answer]) -> _Heard:
    try:
        answer = call()
    except Refused as refused:
        return _Heard(away=refused.problem in (Problem.OKTA_UNREACHABLE, Problem.OKTA_BUSY))
    try:
        document = answer.json()
    except Refused:
        document = {}
    return _Heard(answer.status == 429 or answer.status >= 500, answer, document)


def _read_handle(heard: _Heard, name: str) -> str:
    """A handle that Okta gave, or "". At interact only success gives one; introspect gives one with failures too."""
    given = heard.document.get(name)
    fits = isinstance(given, str) and _HANDLE.fullmatch(given)
    return str(given) if fits and (heard.status == 200 or name == "stateHandle") else ""


# -- judging ----------------------------------------------------------------------------------------------------------

_Judged = tuple[Row, Cause | None]


def _judge(answers: _Answers, origin: str) -> Embedded:
    begun, told, grants = _read_interaction(answers.interacted)
    engine, engine_cause = _judge_engine(answers.organization, begins=begun is None)
    policy, policy_cause = _judge_policy(answers.introspected, begun)
    trusted, trust_cause = _judge_origin(answers.ours, answers.strangers, origin)
    setting, grant = _judge_switches(begun, told, grants, classic=engine_cause is not None)
    causes = [cause for cause in (engine_cause, begun, policy_cause, trust_cause) if cause]
    cause = min(causes, key=_ORDER.__getitem__, default=None)
    return Embedded(cause, (engine, setting, grant, policy, trusted), grants)


def _judge_engine(heard: _Heard, *, begins: bool) -> _Judged:
    """An org that gives handles has the engine for it, whether or not it could say so."""
    pipeline = heard.document.get("pipeline") if heard.status == 200 else None
    if pipeline == "v1":
        return Row("engine", "wrong", "Classic Engine"), Cause.CLASSIC_ENGINE
    if pipeline == "idx" or begins:
        return Row("engine", "right", "Identity Engine"), None
    return Row("engine", "unknown", heard.silence), None


def _read_interaction(heard: _Heard) -> tuple[Cause | None, str, tuple[str, ...] | None]:
    """What interact's answer means (facts 4.1): the cause, what to show of it, and the grants that it lists."""
    if heard.away:
        return Cause.OKTA_AWAY, heard.silence, None
    if _read_handle(heard, "interaction_handle"):
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
    return Cause.UNCLEAR, f"HTTP {heard.status} {error}" if _NAME.fullmatch(error) else heard.silence, None


def _read_grants(text: str) -> tuple[Cause, str, tuple[str, ...] | None]:
    listed = _GRANT_LIST.search(text)
    if listed is None:
        return Cause.APP_GRANT_MISSING, "no interaction_code", None
    names = [name.strip() for name in listed[1].split(",")]
    grants = tuple(name for name in names if _NAME.fullmatch(name))[:_MOST_GRANTS]
    if "interaction_code" in grants:
        # It refuses what it says it allows: nothing that could be mended by ticking it.
        return Cause.UNCLEAR, "refused although ticked", grants
    return Cause.APP_GRANT_MISSING, _join(grants) or "none", grants


def _join(names: tuple[str, ...]) -> str:
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


def _judge_policy(heard: _Heard, begun: Cause | None) -> _Judged:
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


def _judge_origin(ours: _Heard, strangers: _Heard, origin: str) -> _Judged:
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
    if strangers.header(_ALLOWED) in (_STRANGER, "*"):
        return Row("trusted_origin", "unknown", "every origin is let in"), None
    return Row("trusted_origin", "right", "trusted"), None


def _is_idx(heard: _Heard) -> bool:
    """A page, such as a proxy's, or a 404 says nothing about the list of trusted origins."""
    return bool(heard.document) and heard.status in (200, 400, 401, 403)


def _all_unknown(cause: Cause, found: str) -> Embedded:
    return Embedded(cause, tuple(Row(step, "unknown", found) for step in STEPS), None)
