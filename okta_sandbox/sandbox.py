"""The sandbox as demo and tests use it: an org, the switches for its faults, and the server that serves it."""

import ssl
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from okta_sandbox.cast import fill_bare, fill_cast
from okta_sandbox.directory import App, Person
from okta_sandbox.keys import KeyRing
from okta_sandbox.org import Mail, Org, Session
from okta_sandbox.routes import respond
from okta_sandbox.server import Server
from okta_sandbox.state import StateFile
from okta_sandbox.wire import Answer, SeenRequest


class Sandbox(Org):
    """`portal` is the origin of the cast's apps; `keys` names a set of signing keys shared inside the process.

    Two sandboxes that stand for two orgs take different `keys`. `host_names` are the org's own Okta host and then
    its custom domain, each with port, as `okta-organization` is to name them. `clock` gives epoch seconds.
    """

    def __init__(self, portal: str = "http://localhost:5000", *, empty: bool = False, token: str = "sandbox-token",
                 state: Path | None = None, clock: Callable[[], float] = time.time,
                 host_names: Iterable[str] | None = None, keys: str = "a", name: str = "Acme Volunteers") -> None:
        super().__init__(name=name, portal=portal.rstrip("/"), token=token, clock=clock, keys=keys,
                         host_names=tuple(host_names or ()))
        self._file = StateFile(state) if state else None
        if self._file is None or not self._file.load(self):
            (fill_bare if empty else fill_cast)(self)
        if self._file is not None:
            self._make_keys()

    def serve(self, host: str = "127.0.0.1", port: int = 0, ssl_context: ssl.SSLContext | None = None) -> Server:
        """Starts a thread that serves the sandbox; `port` 0 takes a free one, which `url` then names."""
        return Server(self._respond, host=host, port=port, ssl_context=ssl_context, clock=lambda: self.clock())

    def save(self) -> None:
        if self._file is not None:
            self._file.save(self)

    def fault(self, name: str, on: bool = True) -> None:
        """Switches a fault, or an org setting under its switch's name. An unknown name is a KeyError."""
        self.switch(name, on=on)

    def clear_faults(self) -> None:
        for name, on in self.switches().items():
            if on:
                self.switch(name, on=False)

    def faults(self) -> dict[str, bool]:
        return self.switches()

    @property
    def requests(self) -> list[SeenRequest]:
        return list(self.seen)

    @property
    def people(self) -> list[Person]:
        return list(self.people_by_id.values())

    @property
    def sessions(self) -> list[Session]:
        """The live sessions at Okta."""
        return self.live_sessions()

    @property
    def mailbox(self) -> list[Mail]:
        """The e-mails of this org, newest last."""
        return list(self.mails)

    def person(self, email: str) -> Person:
        person = self.find_person(email)
        if person is None:
            raise KeyError(email)
        return person

    def client_id(self, kind: str) -> str:
        """The id of the cast's app: kind is `spa` or `native`."""
        application_type = {"spa": "browser", "native": "native"}[kind]
        return next(app.client_id for app in self.apps.values() if app.oauth["application_type"] == application_type)

    def app(self, client_id: str) -> App:
        return self.apps[client_id]

    def keys(self, server_id: str = "default") -> KeyRing:
        """The signing keys of one authorization server; "" is the org's own."""
        return self.ring(server_id)

    def rotate_keys(self) -> None:
        self.rotate_all_keys()

    def assign(self, email: str, app_client_id: str, on: bool = True) -> None:
        with self.lock:
            self.set_assignment(self.person(email), self.apps[app_client_id], on=on)

    def deactivate(self, email: str) -> None:
        with self.lock:
            self.set_active(self.person(email), on=False)

    def activate(self, email: str) -> None:
        with self.lock:
            self.set_active(self.person(email), on=True)

    def require_email_code(self, email: str, on: bool = True) -> None:
        """From now on an embedded sign-in of this person takes a code from an e-mail, after the password."""
        self.person(email).email_code = on

    def put_in_group(self, email: str, name: str, on: bool = True) -> None:
        """A group that is not there is made."""
        with self.lock:
            self.set_group(self.person(email), name, on=on)

    def set_claims(self, email: str, claims: dict[str, Any]) -> None:
        """Overrides claims in tokens and userinfo from now on; None takes one away."""
        self.person(email).claims |= claims

    def _make_keys(self) -> None:
        """Made before the first save, so that a key somebody fetched is still there after a restart."""
        for server_id in self.servers:
            self.ring(server_id)

    def _respond(self, request: SeenRequest) -> Answer:
        answer = respond(self, request)
        changing = request.method not in ("GET", "HEAD", "OPTIONS") or request.path.endswith("/logout")
        if self._file is not None and changing:
            self._file.touch(self)
        return answer
