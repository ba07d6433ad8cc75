"""What the checks ask about an app: everything once, and beside each other what does not hang on another answer."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from portal.errors import Problem, Refused
from portal.okta.check_answers import (
    AppHeard,
    WidgetHeard,
    judge_access_policy,
    judge_app,
    judge_interaction_code,
    judge_redirect_uri,
    judge_setting,
    judge_trusted_origin,
)
from portal.okta.check_calls import Calls
from portal.okta.check_place_answers import name_issuer
from portal.okta.check_places import Server, outcome
from portal.okta.check_rows import Rows, right, unknown, wrong
from portal.okta.interact import Widget, find_widget
from portal.okta.interact_answers import NOTHING, STRANGER, Heard, read_handle
from portal.okta.metadata import Provider
from portal.okta.probe_answers import read_authorize
from portal.okta.probes import SCOPE, SCOPE_WITHOUT_REFRESH, ask_authorize, ask_for_code, ask_for_refresh
from portal.okta.steps import App


@dataclass(frozen=True, slots=True)
class Client:
    """One app to be asked about. origin -- of our pages."""

    kind: App
    client_id: str
    redirect_uri: str
    origin: str


class Asked:
    """The questions about `client` are under way from here on."""

    def __init__(self, calls: Calls, server: Server, client: Client) -> None:
        self.calls, self.server, self.client = calls, server, client
        door, provider, client_id, uri = calls.door, server.provider, client.client_id, client.redirect_uri
        # Once: a host that has gone meanwhile shall not have five failures in a row, which would shut its gate.
        self._metadata: Future[Provider] = calls.start_run(
            lambda: server.providers.fetch(provider.issuer, client_id, once=True)
        )
        self._authorize = calls.start(lambda: ask_authorize(door, provider, client_id, uri, SCOPE))
        self._code = calls.start(lambda: ask_for_code(door, provider, client_id, uri))
        self._refresh = calls.start(lambda: ask_for_refresh(door, provider, client_id))
        self._widget = calls.start_job(lambda: self._ask_widget(find_widget(door, provider)))

    def metadata_refusal(self) -> Refused | None:
        """What was wrong with the metadata as this client sees it."""
        metadata = outcome(self._metadata)
        return metadata if isinstance(metadata, Refused) else None

    def heard(self) -> AppHeard:
        """The app's own answers; asks once more, without offline_access, when that was what Okta refused."""
        authorize, client = self._authorize.result(), self.client
        reduced = NOTHING
        if authorize.answer and read_authorize(authorize.answer, client.redirect_uri).error == "invalid_scope":
            reduced = self._begin(client.redirect_uri, SCOPE_WITHOUT_REFRESH)
        refusal = self.metadata_refusal()
        denied = refusal is not None and refusal.problem is Problem.CLIENT_UNKNOWN
        return AppHeard(
            client.kind, client.client_id, client.redirect_uri, denied, self._code.result(), self._refresh.result(),
            authorize, reduced,
        )  # fmt: skip

    def sends_back(self, redirect_uri: str) -> bool:
        """Asks whether /authorize would lead to another redirect URI than the app's own."""
        heard = self._begin(redirect_uri, SCOPE_WITHOUT_REFRESH)
        return heard.answer is not None and read_authorize(heard.answer, redirect_uri).kind == "sent_back"

    def _begin(self, redirect_uri: str, scope: str) -> Heard:
        door, provider, client_id = self.calls.door, self.server.provider, self.client.client_id
        return self.calls.hear(lambda: ask_authorize(door, provider, client_id, redirect_uri, scope))

    def widget_heard(self) -> WidgetHeard:
        """The answers to what the widget would ask."""
        return self._widget.result()

    def _ask_widget(self, widget: Widget | None) -> WidgetHeard:
        """One after the other, as a widget does, up to the form in which somebody types a name; then cancelled."""
        if widget is None:
            return WidgetHeard(NOTHING, NOTHING, NOTHING, NOTHING)
        hear, client = self.calls.hear, self.client
        begin = {"client_id": client.client_id, "redirect_uri": client.redirect_uri, "scope": SCOPE_WITHOUT_REFRESH}
        interacted = hear(lambda: widget.begin(**begin))
        given = read_handle(interacted, "interaction_handle")
        introspected = hear(lambda: widget.introspect(given)) if given else NOTHING
        about, ours, strangers = given or secrets.token_urlsafe(32), NOTHING, NOTHING
        if client.kind == "spa":
            ours = hear(lambda: widget.introspect(about, client.origin))
            strangers = hear(lambda: widget.introspect(about, STRANGER))
        state_handle = read_handle(introspected, "stateHandle")
        if state_handle:
            hear(lambda: widget.cancel(state_handle))
        return WidgetHeard(interacted, introspected, ours, strangers)


def tell_server(rows: Rows, servers: Mapping[App, Server], asked: list[Asked]) -> None:
    """An app may be set to put another host into its tokens than the one that was asked (issuer mode, facts 1.4)."""
    for one in asked:
        refusal = one.metadata_refusal()
        if refusal is not None and refusal.reason == "issuer_mismatch":
            found = f"{one.client.kind}: {name_issuer(refusal)}"
            rows.tell(wrong("authorization_server", "issuer_mode", found, one.server.provider.issuer))
    if servers:
        rows.tell(right("authorization_server", ", ".join(dict.fromkeys(server.id for server in servers.values()))))


def tell_apps(rows: Rows, asked: list[Asked], sign_out_uris: Mapping[str, str], *, classic: bool) -> None:
    """Everything about the apps, those steps first whose answers come first."""
    heard = []
    for one in asked:
        app = one.heard()
        heard.append((one, app))
        rows.tell(*judge_app(app, sign_out_uris.get(app.kind, "")))
    known = [(one, app) for one, app in heard if rows.verdict(f"{app.kind}.client") == "right"]
    if len(asked) == 2:
        _tell_pair(rows, known)
    # Where one id stands in both boxes, a redirect URI that it does not have may be the other app's.
    alone = rows.verdict("pair") == "wrong"
    for row in (judge_redirect_uri(app) for _, app in known):
        hidden = alone and row.verdict == "wrong"
        rows.tell(unknown(row.step, "not_told", "", row.expected) if hidden else row)
    _tell_widgets(rows, heard, classic=classic)


def _tell_pair(rows: Rows, known: list[tuple[Asked, AppHeard]]) -> None:
    """Each app has a redirect URI of its own; where each has the other's instead, the two ids were swapped."""
    redirects = [judge_redirect_uri(app).verdict for _, app in known]
    if redirects == ["right", "right"]:
        rows.tell(right("pair", "two apps of one Okta"))
        return
    uris = [app.redirect_uri for _, app in reversed(known)]
    if redirects == ["wrong", "wrong"] and all(
        one.sends_back(uri) for (one, _), uri in zip(known, uris, strict=True)
    ):
        rows.tell(wrong("pair", "swapped", ", ".join(app.client_id for _, app in known)))
        return
    rows.tell(unknown("pair", "not_told"))


def _tell_widgets(rows: Rows, heard: list[tuple[Asked, AppHeard]], *, classic: bool) -> None:
    """What only the embedded sign-in needs."""
    said = []
    for one, app in heard:
        widget = one.widget_heard()
        said.append(widget)
        if app.kind == "spa":
            rows.tell(judge_trusted_origin(widget, one.client.origin))
        if rows.verdict(f"{app.kind}.client") == "right":
            rows.tell(judge_interaction_code(app, widget), judge_access_policy(app.kind, widget))
    if said:
        rows.tell(judge_setting(said, classic=classic))
