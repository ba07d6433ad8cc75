"""Asks an Okta whether its embedded sign-in (Interaction Code) can work for an app.

Asks what the widget would ask, up to the form in which somebody types a name (facts 4, 7). Nothing secret is sent,
and whatever Okta says becomes a verdict, never an exception.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from portal.errors import Problem, Refused
from portal.okta.connect import LimitedDoor
from portal.okta.embedded import PROBE_SECONDS, Cause, Embedded, all_unknown
from portal.okta.interact_answers import NOTHING, STRANGER, Answers, Heard, judge, read_handle
from portal.okta.metadata import Provider
from portal.okta.refusals import Answer, Door

_JSON = {"accept": "application/json"}
_ION_TYPE = "application/ion+json; okta-version=1.0.0"
_IDX_TYPE = "application/json; okta-version=1.0.0"

# Okta's own addresses alone: {okta}/oauth2/v1/token of the org's server, {okta}/oauth2/{id}/v1/token of the others.
_TOKEN_ENDPOINT = re.compile(r"(https?://[A-Za-z0-9.:\[\]-]+)(/oauth2(?:/[A-Za-z0-9_-]{1,64})?/v1)/token")


@dataclass(frozen=True, slots=True)
class Widget:
    """The questions that Okta's widget puts to `base`, whose authorization server begins a sign-in at `interact`.

    Each raises what the door raises.
    """

    door: Door
    base: str
    interact: str

    def begin(self, *, client_id: str, redirect_uri: str, scope: str) -> Answer:
        """Begins a sign-in, with the challenge of a verifier that is thrown away (facts 4.1)."""
        form = {
            "client_id": client_id,
            "scope": scope,
            "redirect_uri": redirect_uri,
            "code_challenge": create_s256_code_challenge(secrets.token_urlsafe(32)),
            "code_challenge_method": "S256",
            "state": secrets.token_urlsafe(16),
            "nonce": secrets.token_urlsafe(16),
        }
        return self.door.post_form(self.interact, form, headers=_JSON)

    def introspect(self, handle: str, origin: str = "") -> Answer:
        """What comes next in the sign-in of `handle`, as a page of `origin` would ask, or a server (facts 4.2).

        Without a handle of Okta's a made-up one serves to ask for `origin`: CORS lets a page read "session expired"
        just as well.
        """
        headers = {"accept": _ION_TYPE} | ({"origin": origin} if origin else {})
        url, body = f"{self.base}/idp/idx/introspect", {"interactionHandle": handle}
        return self.door.post_json(url, body, content_type=_ION_TYPE, headers=headers)

    def cancel(self, state_handle: str) -> Answer:
        """Ends the sign-in; otherwise Okta forgets it by itself, within the hour."""
        url, body = f"{self.base}/idp/idx/cancel", {"stateHandle": state_handle}
        return self.door.post_json(url, body, headers={"accept": _IDX_TYPE})


def find_widget(door: Door, provider: Provider) -> Widget | None:
    """The widget's questions for this authorization server; None when its endpoints are not where Okta has them."""
    place = _TOKEN_ENDPOINT.fullmatch(provider.token_endpoint)
    # The metadata's reader has held the endpoint to the issuer's origin; this is the same once more, for IDX.
    if place is None or not f"{provider.issuer}/".startswith(f"{place[1]}/"):
        return None
    return Widget(door, place[1], f"{place[1]}{place[2]}/interact")


def probe_embedded(
    door: LimitedDoor, provider: Provider, *, client_id: str, redirect_uri: str, scope: str, origin: str,
    seconds: float = PROBE_SECONDS,
) -> Embedded:  # fmt: skip
    """Whether the widget on a page of `origin` could sign somebody in to this app.

    redirect_uri, scope -- those of the app's logins.   origin -- of our pages, without a slash at the end.
    seconds             -- for all of it. A second thread shares the way, since an Okta may be far.
    What is asked: /v1/interact without Origin; with its handle /idp/idx/introspect, where Okta says whether a rule lets
    this flow through, once more for `origin` and for a stranger's, where it says who may read (CORS); then /cancel.
    Facts 1.3, 4.1 to 4.4 and 7. Raises nothing for what Okta says or does not say.
    """
    widget = find_widget(door, provider)
    if widget is None:
        return all_unknown(Cause.UNCLEAR, "no interact endpoint")
    asking = _Asking(door, widget, seconds)
    begin = {"client_id": client_id, "redirect_uri": redirect_uri, "scope": scope}
    return judge(asking.ask(begin, origin), origin)


@dataclass(frozen=True, slots=True)
class _Asking:
    door: LimitedDoor
    widget: Widget
    seconds: float

    def ask(self, begin: dict[str, str], origin: str) -> Answers:
        """This thread begins a sign-in and ends it; the other one asks about the org, and then for `origin`."""
        handle: Future[str] = Future()
        with ThreadPoolExecutor(1, "okta-embedded") as beside:
            others = beside.submit(self._ask_beside, handle, origin)
            try:
                with self.door.within(self.seconds):
                    return self._ask_here(begin, handle, others)
            finally:
                # Whatever went wrong here, the other thread must not wait for ever.
                if not handle.done():
                    handle.set_result("")

    def _ask_here(
        self, begin: dict[str, str], handle: Future[str], others: Future[tuple[Heard, Heard]]
    ) -> Answers:
        interacted = hear(lambda: self.widget.begin(**begin))
        given = read_handle(interacted, "interaction_handle")
        introspected = hear(lambda: self.widget.introspect(given)) if given else NOTHING
        # Not before: two first questions about one handle at once are nothing that a widget would ask.
        about = given or secrets.token_urlsafe(32)
        handle.set_result(about)
        strangers = hear(lambda: self.widget.introspect(about, STRANGER))
        organization, ours = others.result()
        state_handle = read_handle(introspected, "stateHandle")
        if state_handle:
            hear(lambda: self.widget.cancel(state_handle))
        return Answers(organization, interacted, introspected, ours, strangers)

    def _ask_beside(self, handle: Future[str], origin: str) -> tuple[Heard, Heard]:
        # The limit of `within` is this thread's own.
        with self.door.within(self.seconds):
            known = f"{self.widget.base}/.well-known/okta-organization"
            organization = hear(lambda: self.door.get(known, headers=_JSON))
            about = handle.result()
            return organization, hear(lambda: self.widget.introspect(about, origin)) if about else NOTHING


def hear(call: Callable[[], Answer]) -> Heard:
    """What a call answers, or that it does not. Raises only what is a mistake of our own."""
    try:
        answer = call()
    except Refused as refused:
        return Heard(away=refused.problem in (Problem.OKTA_UNREACHABLE, Problem.OKTA_BUSY), reason=refused.reason)
    try:
        document = answer.json()
    except Refused:
        document = {}
    return Heard(answer.status == 429 or answer.status >= 500, answer, document)
