"""One Okta org: its directory, settings, keys, grants and sessions, and the faults that are switched on.

Every endpoint is a function whose first argument is the org. Whoever changes it holds `org.lock`.
"""

import secrets
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import RLock
from typing import Any

from okta_sandbox.breakages import BREAKAGES, read_breakages, set_breakage
from okta_sandbox.directory import ORG_SERVER, ApiToken, App, AuthorizationServer, Json, Person, make_group, make_id
from okta_sandbox.errors import ManagementError
from okta_sandbox.faults import FAULTS
from okta_sandbox.grants import Grants
from okta_sandbox.idx.transactions import Transactions
from okta_sandbox.keys import Claims, KeyRing, Signer
from okta_sandbox.settings import SWITCHES, Settings
from okta_sandbox.wire import Answer, SeenRequest

SESSION_SECONDS = 2 * 3600
PENDING_SECONDS = 3600
SESSION_COOKIE = "okta_sid"
CUSTOM_HOST = "id.acme.example"
Forge = Callable[[Claims, Claims, Signer], str]


@dataclass
class Session:
    """A person signed in at Okta in one browser. `auth_time` is in epoch seconds."""

    id: str
    person_id: str
    auth_time: int
    used_at: float


@dataclass(frozen=True)
class Attempt:
    """A valid request to authorize, kept while its person signs in."""

    server_id: str
    client_id: str
    redirect_uri: str
    response_mode: str
    state: str
    scopes: list[str]
    nonce: str
    challenge: str
    prompt: str
    max_age: int | None
    login_hint: str
    created_at: float


@dataclass(frozen=True)
class Mail:
    """An e-mail of the org, which nobody delivers: it lies on the sandbox's page. `time` is in epoch seconds."""

    to: str
    subject: str
    code: str
    link: str
    time: float


class Org:
    def __init__(self, *, name: str, portal: str, token: str, clock: Callable[[], float], keys: str,
                 host_names: tuple[str, ...]) -> None:
        self.id = make_id("00o")
        self.name = name
        self.portal: str = portal
        self.token = token
        self.api_tokens: dict[str, ApiToken] = {}
        self.revoked: set[str] = set()
        self.calls: list[float] = []
        self.clock = clock
        self.host_names = host_names
        self.lock = RLock()
        self.settings = Settings(self._strip_interaction_code)
        self.faulty: dict[str, bool] = dict.fromkeys(FAULTS, False)
        self.delay_ms = 1000
        self.remembered: dict[str, Any] = {}
        self.happened: set[str] = set()
        self.forge: Forge | None = None
        self.answer: Callable[[SeenRequest], Answer | None] | None = None
        self.seen: deque[SeenRequest] = deque(maxlen=10_000)
        self.people_by_id: dict[str, Person] = {}
        self.apps: dict[str, App] = {}
        self.groups: dict[str, Json] = {}
        self.origins: dict[str, Json] = {}
        self.identity_provider: Json = {"id": make_id("0oa"), "type": "OIDC", "name": "Acme Directory"}
        self.servers: dict[str, AuthorizationServer] = {ORG_SERVER: AuthorizationServer(ORG_SERVER)}
        self.grants = Grants()
        self.sessions_by_id: dict[str, Session] = {}
        self.pending: dict[str, Attempt] = {}
        self.transactions = Transactions()
        self.mails: deque[Mail] = deque(maxlen=100)
        self.rings: dict[str, KeyRing] = {}
        self._keys = keys

    def find_server(self, server_id: str) -> AuthorizationServer:
        server = self.servers.get(server_id)
        if server_id != ORG_SERVER and not self.settings.api_access_management:
            raise ManagementError("E0000015")
        if server is None or server.json.get("status", "ACTIVE") != "ACTIVE":
            raise ManagementError("E0000007", f"{server_id} (AuthorizationServer)")
        return server

    def issuer_base(self, server: AuthorizationServer, client_id: str, base: str) -> str:
        """The origin in an issuer. The issuer mode of a custom server decides, at the org's own server the app's."""
        app = self.apps.get(client_id)
        mode = (app.oauth.get("issuer_mode") if app else None) if server.is_org else server.json.get("issuerMode")
        scheme, _, asked = base.partition("://")
        home = self.host_names[0] if self.host_names else asked
        custom = self.host_names[1] if len(self.host_names) > 1 else CUSTOM_HOST
        host = {"ORG_URL": home, "CUSTOM_URL": custom}.get(str(mode), asked)
        return f"{scheme}://{host}"

    def find_app(self, client_id: str) -> App | None:
        app = self.apps.get(client_id)
        return app if app is not None and app.active else None

    def find_person(self, login: str) -> Person | None:
        people = list(self.people_by_id.values())
        return next((one for one in people if one.email == login.strip().lower()), None)

    def groups_of(self, person: Person) -> set[str]:
        """Everybody is in Everyone, and in the groups that somebody has put them in."""
        if person.id not in self.people_by_id:
            return set()
        built_in = {key for key, group in self.groups.items() if group["type"] == "BUILT_IN"}
        return built_in | (set(person.groups) & set(self.groups))

    def set_group(self, person: Person, name: str, *, on: bool) -> None:
        """Puts a person into a group, which is made where there is none, or takes them out. Nobody leaves Everyone."""
        known = (key for key, group in self.groups.items() if group["profile"]["name"] == name)
        group_id = next(known, "")
        if on and not group_id:
            group_id = make_id("00g")
            self.groups[group_id] = make_group(group_id, name, self.clock())
        person.groups = [each for each in person.groups if each != group_id]
        if on and self.groups[group_id]["type"] != "BUILT_IN":
            person.groups.append(group_id)

    def ring(self, server_id: str) -> KeyRing:
        """Each authorization server has its own keys. Those beside org and `default` share one shelf."""
        with self.lock:
            if server_id not in self.rings:
                shelf = server_id if server_id in (ORG_SERVER, "default") else "other"
                self.rings[server_id] = KeyRing(f"{self._keys}:{shelf}")
            return self.rings[server_id]

    def start_session(self, person: Person) -> Session:
        now = self.clock()
        session = Session(secrets.token_urlsafe(24), person.id, int(now), now)
        self.sessions_by_id[session.id] = session
        return session

    def find_session(self, request: SeenRequest) -> Session | None:
        session = self.sessions_by_id.get(request.cookie(SESSION_COOKIE))
        if session is None or not self._lives(session):
            return None
        session.used_at = self.clock()
        return session

    def end_session(self, session: Session) -> None:
        self.sessions_by_id.pop(session.id, None)

    def end_person(self, person: Person, *, tokens: bool = True) -> None:
        """Ends all sessions of a person, and their tokens."""
        self.sessions_by_id = {key: one for key, one in self.sessions_by_id.items() if one.person_id != person.id}
        if tokens:
            self.grants.end_of(person.id)

    def set_active(self, person: Person, *, on: bool) -> None:
        """As at Okta, deactivating ends the person's sessions and voids their tokens."""
        person.active = on
        if not on:
            self.end_person(person)

    def set_assignment(self, person: Person, app: App, *, on: bool) -> None:
        """Okta cannot take one person out of an assigned group, so the others are then assigned one by one."""
        if on:
            app.people.add(person.id)
            return
        if app.groups or app.json["settings"].get("implicitAssignment"):
            app.people |= set(self.people_by_id)
            app.groups.clear()
            app.json["settings"]["implicitAssignment"] = False
        app.people.discard(person.id)

    def switch(self, name: str, *, on: bool) -> None:
        """Switches a fault, a breakage, or an org setting by its switch's name. An unknown name is a KeyError."""
        if name in SWITCHES:
            self.settings.set(name, on)
        elif name in BREAKAGES:
            set_breakage(self, name, on)
        else:
            self.faulty[name]
            self.faulty[name] = on

    def switches(self) -> dict[str, bool]:
        return {**self.faulty, **self.settings.read(), **read_breakages(self)}

    def rotate_all_keys(self) -> None:
        with self.lock:
            for server_id in self.servers:
                self.ring(server_id).rotate()

    def live_sessions(self) -> list[Session]:
        with self.lock:
            return [session for session in self.sessions_by_id.values() if self._lives(session)]

    def keep_attempt(self, attempt: Attempt) -> str:
        oldest = attempt.created_at - PENDING_SECONDS
        if len(self.pending) > 2000:
            self.pending = {key: one for key, one in self.pending.items() if one.created_at > oldest}
        state_token = secrets.token_urlsafe(24)
        self.pending[state_token] = attempt
        return state_token

    def _lives(self, session: Session) -> bool:
        person = self.people_by_id.get(session.person_id)
        return person is not None and person.active and self.clock() < session.used_at + SESSION_SECONDS

    def _strip_interaction_code(self) -> None:
        with self.lock:
            for grants in self._grant_lists():
                if "interaction_code" in grants:
                    grants.remove("interaction_code")

    def _grant_lists(self) -> Iterator[list[str]]:
        for app in self.apps.values():
            yield app.grants
        for server in self.servers.values():
            for rules in server.rules.values():
                for rule in rules.values():
                    yield rule["conditions"]["grantTypes"]["include"]
