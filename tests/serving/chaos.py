"""People of two organizations who log in, look, refresh and leave, on the web and on the phone, while processes are
killed and replaced, Oktas answer badly, people are deactivated and the database is held up: by chance, from one seed.

Afterwards, and meanwhile, what must never happen is looked for: in what was answered, in the database, and in what the
Oktas were asked and gave out.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import requests
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from sqlalchemy import select
from sqlalchemy.engine import make_url

from okta_sandbox import Sandbox
from okta_sandbox.universal_logout import make_order, name_subject
from portal.logins import read_tokens
from portal.store.models import identities, organizations, sessions
from tests.serving.balancer import Browser, Rotation
from tests.serving.nodes import SCHEME, Nodes
from tests.store.databases import tell_server

FAULTS = ("token_500", "token_429", "token_half", "token_reset", "token_html", "keys_500", "userinfo_500", "no_email",
          "discovery_500", "revoke_reset", "wrong_nonce", "bad_signature", "refresh_invalid_grant",
          "refresh_reused", "token_person_deactivated", "slow_everything")  # fmt: skip
Json = dict[str, Any]


class Chaos:
    """One run. people -- (slug, e-mail) of whoever takes part; oktas -- each organization's, by slug."""

    def __init__(self, nodes: Nodes, seed: int, oktas: dict[str, Sandbox], people: list[tuple[str, str]]) -> None:
        self.nodes, self.seed, self.oktas = nodes, seed, oktas
        self.rotation = Rotation(nodes, *nodes.running)
        self.over = threading.Event()
        self.done: Counter[str] = Counter()
        self.violations: list[str] = []
        self.dead: list[str] = []  # what no longer opens anything: cookies of sessions that have ended
        self.minted: dict[str, Json] = {}  # every ID token, by its text: its claims
        for sandbox in oktas.values():
            sandbox.forge = self._mint
            sandbox.delay_ms = 300
        self.web = [WebPerson(self, slug, email) for slug, email in people]
        self.phones = [PhonePerson(self, slug, email) for slug, email in people]

    def _mint(self, header: Json, claims: Json, signer: Any) -> str:
        token = str(signer.encode(header, claims))
        self.minted[token] = claims
        return token

    def run(self, seconds: float) -> None:
        """All of them for so long, and then what is left is looked at."""
        acts: list[Callable[[], None]] = [person.act for person in (*self.web, *self.phones)]
        threads = [threading.Thread(target=self._go_on, args=(act,)) for act in acts]
        trouble = Trouble(self)
        threads += [threading.Thread(target=self._go_on, args=(act,)) for act in (trouble.act, trouble.end_processes)]
        for thread in threads:
            thread.start()
        self.over.wait(seconds)
        self.over.set()
        for thread in threads:
            thread.join(60)
        for sandbox in self.oktas.values():
            sandbox.clear_faults()
        self._judge()

    def _go_on(self, act: Callable[[], None]) -> None:
        while not self.over.is_set():
            try:
                act()
            except (requests.RequestException, TimeoutError):
                self.done["cut off"] += 1
            except Exception as error:
                self.violations.append(f"{act!r}: {type(error).__name__}: {error}"[:800])

    def hold(self, fact: bool, what: str) -> None:
        """What has to be true."""
        if not fact:
            self.violations.append(what)

    # -- what must be true of what is left -----------------------------------------------------------------------------

    def _judge(self) -> None:
        self._judge_sessions()
        for slug, sandbox in self.oktas.items():
            codes = Counter(
                value for call in sandbox.requests if call.path.endswith("/token")
                for name in ("code", "interaction_code") for value in call.form.get(name, [])
            )  # fmt: skip
            self.hold(not codes or max(codes.values()) == 1, f"{slug}: a code was sent twice")
            others = [other for other in self.oktas.values() if other is not sandbox]
            foreign = {value for other in others for value in other.grants.refresh_tokens}
            sent = {value for call in sandbox.requests for value in call.form.get("refresh_token", [])}
            self.hold(not sent & foreign, f"{slug}: got another Okta's refresh token")
        phones = self.nodes.ask("SELECT count(*) FROM sessions WHERE kind = 'phone'")
        finished = "SELECT count(*) FROM native_attempts WHERE status = 'completed' AND answer IS NOT NULL"
        self.hold(phones == self.nodes.ask(finished), "a login of the app is half of one")
        for cookie in self.dead:
            for node in self.rotation.shuffled(Random(self.seed)):
                self.hold(not is_alive(f"http://localhost:{node.port}", cookie), "a session came back from the dead")

    def _judge_sessions(self) -> None:
        """No session without an ID token that its own Okta made, for its person; no two of one login."""
        joined = (
            select(sessions, identities.c.issuer, identities.c.sub, organizations.c.slug)
            .join(identities, identities.c.id == sessions.c.identity_id)
            .join(organizations, organizations.c.id == sessions.c.organization_id)
        )
        with self.nodes.services.db.reading() as connection:
            rows = connection.execute(joined).all()
        logins = [claims for claims in self.minted.values() if claims.get("nonce")]
        by_issuer = Counter(claims["iss"] for claims in logins)
        for issuer, count in Counter(row.issuer for row in rows).items():
            self.hold(count <= by_issuer[issuer], f"{issuer}: {count} sessions of {by_issuer[issuer]} ID tokens")
        for row in rows:
            if row.sealed_tokens is None:
                continue
            kept = read_tokens(self.nodes.services, row.id_hash, row.sealed_tokens)
            claims = self.minted.get(kept["id_token"])
            self.hold(claims is not None, "a session holds an ID token that no Okta has made")
            if claims is not None:
                self.hold((claims["iss"], claims["sub"]) == (row.issuer, row.sub), "a session holds another's ID token")
        for row in rows:
            mine = {each.id for each in self.oktas[row.slug].people_by_id.values()}
            self.hold(row.sub in mine, f"{row.slug}: a session of somebody of another Okta")


def is_alive(base: str, cookie: str) -> bool:
    answer = requests.get(f"{base}/session", headers={"Cookie": f"point_session={cookie}"}, timeout=20)
    return answer.status_code == 200 and bool(answer.json()["authenticated"])


class Person:
    """Somebody who does something by chance, again and again."""

    def __init__(self, chaos: Chaos, slug: str, email: str) -> None:
        self.chaos, self.slug, self.email = chaos, slug, email
        self.chance = Random(f"{chaos.seed} {type(self).__name__} {email}")
        self.browser = Browser(chaos.rotation, email, self.chance)

    def heard(self, answer: requests.Response) -> requests.Response:
        """No answer is a bug of ours or shows anything of the inside."""
        self.chaos.hold(answer.status_code != 500, f"500 at {answer.url}: {answer.text[-500:]}")
        self.chaos.hold("Traceback" not in answer.text, f"a traceback at {answer.url}")
        return answer


class WebPerson(Person):
    """In a browser."""

    def act(self) -> None:
        what = self.chance.choices([self.log_in, self.look, self.leave, self.look_at_the_dead], [3, 4, 2, 1])[0]
        what()
        self.chaos.done[f"web {what.__name__}"] += 1

    @property
    def cookie(self) -> str | None:
        return self.browser.http.cookies.get("point_session")

    def log_in(self) -> None:
        before = self.cookie
        answer = self.heard(self.browser.log_in(slug=self.slug))
        if before and self.cookie and self.cookie != before:
            self.chaos.dead.append(before)
        if answer.status_code == 200 and answer.url == self.browser.base + "/":
            self.chaos.done["web logged in"] += 1

    def look(self) -> None:
        said = self.heard(self.browser.step("/session"))
        if said.status_code == 200 and said.json()["authenticated"]:
            theirs = (said.json()["email"], said.json()["organization"])
            self.chaos.hold(theirs == (self.email, self.slug), f"{self.email} is taken for {theirs}")
        page = self.heard(self.browser.get("/account"))
        for other in {person.email for person in self.chaos.web} - {self.email}:
            self.chaos.hold(other not in page.text, f"{self.email} reads of {other}")

    def leave(self) -> None:
        before = self.cookie
        answer = self.heard(self.browser.step("/logout", method="POST", data={"okta": "no"}))
        if before and answer.status_code in (200, 303):
            self.chaos.dead.append(before)
            self.chaos.done["web logged out"] += 1

    def look_at_the_dead(self) -> None:
        if self.chaos.dead:
            cookie = self.chance.choice(self.chaos.dead)
            answer = Browser(self.chaos.rotation, "", self.chance).step(
                "/session", headers={"Cookie": f"point_session={cookie}"}
            )
            alive = answer.status_code == 200 and answer.json()["authenticated"]
            self.chaos.hold(not alive, "a session came back from the dead")


class PhonePerson(Person):
    """With the app."""

    def __init__(self, chaos: Chaos, slug: str, email: str) -> None:
        super().__init__(chaos, slug, email)
        self.tokens: Json = {}

    def act(self) -> None:
        doings = [self.log_in, self.refresh, self.refresh_twice, self.leave]
        what = self.chance.choices(doings, [2, 4, 1, 1])[0] if self.tokens else self.log_in
        what()
        self.chaos.done[f"app {what.__name__}"] += 1

    def call(self, path: str, body: Json, *, method: str = "POST") -> requests.Response:
        bearer = {"Authorization": f"Bearer {self.tokens['access_token']}"} if self.tokens else {}
        more: Json = {"json": body} if method == "POST" else {}
        return self.heard(self.browser.step(f"/native/v1{path}", method=method, headers=bearer, **more))

    def log_in(self) -> None:
        self.tokens = {}
        verifier = secrets.token_urlsafe(32)
        wish = {"organization": self.slug, "code_challenge": create_s256_code_challenge(verifier)}
        begun = self.call("/login", {**wish, "code_challenge_method": "S256"})
        if begun.status_code != 201:
            return
        page = self.browser.follow(self.browser.step(begun.json()["authorization_url"]), until=SCHEME)
        if "identifier" in page.text:
            page = self.browser.follow(self.browser.sign_in_at_okta(page), until=SCHEME)
        link = page.headers.get("Location", "")
        if not link.startswith(SCHEME):
            return
        body = {"deep_link": link, "code_verifier": verifier}
        stolen = self.call("/login/complete", {**body, "code_verifier": "w" * 43})
        self.chaos.hold(stolen.status_code != 200, "a stolen link was good")
        done = self.call("/login/complete", body)
        if done.status_code == 200:
            again = self.call("/login/complete", body)
            same = again.status_code != 200 or again.json() == done.json()
            self.chaos.hold(same, "one link gave two families")
            self.tokens = done.json()
            self.look()

    def look(self) -> None:
        me = self.call("/me", {}, method="GET")
        if me.status_code == 200:
            theirs = (me.json()["user"]["email"], me.json()["organization"]["slug"])
            self.chaos.hold(theirs == (self.email, self.slug), f"{self.email} is taken for {theirs}")

    def refresh(self) -> None:
        answer = self.call("/token", {"refresh_token": self.tokens["refresh_token"]})
        if answer.status_code == 200:
            self.tokens = answer.json()
            self.look()
        elif answer.status_code in (400, 401):
            self.tokens = {}

    def refresh_twice(self) -> None:
        """The answer was lost: the same token once more gives the same successor."""
        old = {"refresh_token": self.tokens["refresh_token"]}
        first, second = self.call("/token", old), self.call("/token", old)
        if first.status_code == second.status_code == 200:
            same = first.json()["refresh_token"] == second.json()["refresh_token"]
            self.chaos.hold(same, "one refresh token has two successors")
        self.tokens = second.json() if second.status_code == 200 else {}

    def leave(self) -> None:
        old = dict(self.tokens)
        answer = self.call("/logout", {"okta": False})
        if answer.status_code == 200:
            for what in ("/token", "/me"):
                body = {"refresh_token": old["refresh_token"]}
                after = self.call(what, body, method="POST" if what == "/token" else "GET")
                self.chaos.hold(after.status_code != 200, f"{what} after the logout")
            self.chaos.done["app logged out"] += 1
        self.tokens = {}


class Trouble:
    """What goes wrong, one after the other."""

    def __init__(self, chaos: Chaos) -> None:
        self.chaos, self.nodes, self.chance = chaos, chaos.nodes, Random(f"{chaos.seed} trouble")
        self.processes = Random(f"{chaos.seed} processes")

    def act(self) -> None:
        whats = [self.fault, self.make_due, self.deactivate, self.hold_database, self.rotate_keys, self.order_logout]
        what = self.chance.choices(whats, [8, 5, 2, 2, 1, 2])[0]
        what()
        self.chaos.done[f"trouble {what.__name__}"] += 1
        self.chaos.over.wait(self.chance.uniform(0.05, 0.3))

    def end_processes(self) -> None:
        """A thread of its own, since another process takes its time to come."""
        self.chaos.over.wait(self.processes.uniform(0.5, 2))
        what = self.processes.choice([self.kill_node, self.replace_node])
        if not self.chaos.over.is_set():
            what()
            self.chaos.done[f"trouble {what.__name__}"] += 1

    def fault(self) -> None:
        sandbox = self.chance.choice([*self.chaos.oktas.values()])
        sandbox.fault(self.chance.choice(FAULTS))
        self.chaos.over.wait(self.chance.uniform(0.1, 0.6))
        sandbox.clear_faults()

    def make_due(self) -> None:
        """As if eleven minutes had passed since Okta vouched for anybody last."""
        self.nodes.change("UPDATE sessions SET proved_at = proved_at - 660 WHERE ended_at IS NULL")

    def deactivate(self) -> None:
        sandbox = self.chance.choice([*self.chaos.oktas.values()])
        email = self.chance.choice([each.email for each in sandbox.people_by_id.values()])
        sandbox.deactivate(email)
        self.chaos.over.wait(0.4)
        sandbox.activate(email)

    def rotate_keys(self) -> None:
        with self.chaos.oktas["acme"].lock:
            self.chaos.oktas["acme"].keys("").rotate()

    def order_logout(self) -> None:
        """Universal Logout: what was open before the order is over once it is answered."""
        person = self.chance.choice([each for each in self.chaos.web if each.slug == "acme"])
        sandbox, issuer = self.chaos.oktas["acme"], self.nodes.ask("SELECT issuer FROM apps WHERE kind = 'spa' LIMIT 1")
        url = f"{self.nodes.base}/organizations/acme/universal-logout"
        token = make_order(sandbox, issuer=issuer, client_id=sandbox.client_id("spa"), audience=url)
        before = person.cookie
        answer = Browser(self.chaos.rotation, "", self.chance).step(
            url, method="POST", headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            data=json.dumps({"sub_id": name_subject(sandbox.person(person.email), issuer)}),
        )  # fmt: skip
        if answer.status_code == 204 and before:
            self.chaos.dead.append(before)

    def hold_database(self) -> None:
        """Nobody can write for a while; on PostgreSQL every connection is reset."""
        url = make_url(self.nodes.environ["POINT_DATABASE_URL"])
        if url.get_backend_name() == "postgresql":
            tell_server(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.database}'")
            return
        with suppress(sqlite3.OperationalError):
            lock = sqlite3.connect(str(url.database), isolation_level=None)
            lock.execute("BEGIN IMMEDIATE")
            self.chaos.over.wait(0.4)
            lock.execute("COMMIT")
            lock.close()

    def kill_node(self) -> None:
        """kill -9; the others go on, and another one comes."""
        self._replace(lambda node: node.kill(), first=True)

    def replace_node(self) -> None:
        self._replace(lambda node: (node.terminate(), node.process.wait(40)), first=False)

    def _replace(self, end: Callable[[Any], Any], *, first: bool) -> None:
        old = self.processes.choice(self.chaos.rotation.shuffled(self.processes))
        if first:
            end(old)
        (new,) = self.nodes.start(1)
        self.chaos.rotation.put_in(new)
        self.chaos.rotation.take_out(old)
        if not first:
            end(old)
