"""Keeps an org over restarts in one JSON file: directory, settings, keys, sessions and refresh tokens.

Codes, half-finished sign-ins and faults are not kept. The file holds private keys and is written for its owner only.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path
from threading import Lock, Timer
from typing import Any

from okta_sandbox.directory import App, AuthorizationServer, Json, Person
from okta_sandbox.grants import AccessToken, SignIn
from okta_sandbox.keys import KeyRing
from okta_sandbox.org import Org, Session

WRITE_SECONDS = 0.3


class StateFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._timer: Timer | None = None

    def load(self, org: Org) -> bool:
        """False when there is no file yet."""
        if not self._path.exists():
            return False
        restore_org(org, json.loads(self._path.read_text()))
        return True

    def touch(self, org: Org) -> None:
        """Writes a moment later, so that a burst of changes costs one write."""
        with self._lock:
            if self._timer is None:
                self._timer = Timer(WRITE_SECONDS, self.save, [org])
                self._timer.daemon = True
                self._timer.start()

    def save(self, org: Org) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            content = json.dumps(dump_org(org))
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_name(f"{self._path.name}.draft")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)


def dump_org(org: Org) -> Json:
    with org.lock:
        return {
            "id": org.id,
            "name": org.name,
            "settings": org.settings.read(),
            "people": [asdict(person) for person in org.people_by_id.values()],
            "apps": [
                {
                    "json": app.json, "groups": sorted(app.groups), "people": sorted(app.people),
                    "groups_filter": app.groups_filter,
                }
                for app in org.apps.values()
            ],
            "groups": org.groups,
            "origins": org.origins,
            "identity_provider": org.identity_provider,
            "servers": [asdict(server) for server in org.servers.values()],
            "sessions": [asdict(session) for session in org.live_sessions()],
            "sign_ins": [asdict(sign_in) for sign_in in org.grants.sign_ins.values()],
            "access_tokens": [asdict(token) for token in org.grants.access_tokens.values()],
            "rings": {server_id: ring.dump() for server_id, ring in org.rings.items()},
        }


def restore_org(org: Org, state: dict[str, Any]) -> None:
    org.id, org.name = state["id"], state["name"]
    for name, on in state["settings"].items():
        org.settings.set(name, on)
    org.people_by_id = {entry["id"]: Person(**entry) for entry in state["people"]}
    org.apps = {
        entry["json"]["id"]: App(
            entry["json"], set(entry["groups"]), set(entry["people"]), entry.get("groups_filter"),
        )
        for entry in state["apps"]
    }
    org.groups, org.origins = state["groups"], state["origins"]
    org.identity_provider = state.get("identity_provider", org.identity_provider)
    org.servers = {entry["id"]: AuthorizationServer(**entry) for entry in state["servers"]}
    org.sessions_by_id = {entry["id"]: Session(**entry) for entry in state["sessions"]}
    org.grants.restore(
        [SignIn(**entry) for entry in state["sign_ins"]], [AccessToken(**entry) for entry in state["access_tokens"]],
    )
    org.rings = {server_id: KeyRing.load(dumped) for server_id, dumped in state["rings"].items()}
