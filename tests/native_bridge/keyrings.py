"""Keyrings for the reference client: one that keeps what it is given, and two that are locked."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError


class Keyring(KeyringBackend):
    """A person's keyring, open."""

    priority = 5  # type: ignore[assignment]

    def _kept(self) -> dict[str, str]:
        path = Path.home() / "keyring.json"
        kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        return kept

    def _keep(self, kept: dict[str, str]) -> None:
        # Another process may be reading: it finds the old content or the new, never half of it.
        draft = Path.home() / f"keyring.{os.getpid()}"
        draft.write_text(json.dumps(kept))
        draft.replace(Path.home() / "keyring.json")

    def get_password(self, service: str, username: str) -> str | None:
        return self._kept().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._keep({**self._kept(), f"{service} {username}": password})

    def delete_password(self, service: str, username: str) -> None:
        kept = self._kept()
        if kept.pop(f"{service} {username}", None) is None:
            raise PasswordDeleteError
        self._keep(kept)


class Locked(Keyring):
    """One whose owner does not answer."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked


class Shut(Keyring):
    """One that was open when the login was kept in it."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked
