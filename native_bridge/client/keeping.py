"""Where attempts and tokens are kept: in the person's keyring where there is one, or else in files of theirs alone.

Each item is one file, written whole or not at all; with a keyring the file only says that the content is there, so
that what is under way can be listed. An app has Keychain or Keystore in the place of all this.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from native_bridge.client.server import Refused

_IN_KEYRING = {"kept": "keyring"}


def xdg(kind: str, default: str) -> Path:
    """One of the XDG Base Directories: xdg("STATE", ".local/state")."""
    named = os.environ.get(f"XDG_{kind}_HOME", "")
    return Path(named) if named.startswith("/") else Path.home() / default


def folder() -> Path:
    """Ours, which nobody else may even list."""
    path = xdg("STATE", ".local/state") / "point"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def read(name: str) -> dict[str, Any] | None:
    """What is kept under this name, or None. Raises Refused when the keyring that has it stays shut."""
    try:
        kept = json.loads(_path(name).read_text())
    except FileNotFoundError:
        return None
    if kept != _IN_KEYRING:
        return dict(kept)
    try:
        text = _load_keyring().get_password(_service(), name)
    except Exception as exc:  # Each backend has exceptions of its own.
        raise Refused("keyring_locked", "Your keyring cannot be read.", "Unlock it and try again.") from exc
    return dict(json.loads(text)) if text else None


def write(name: str, content: dict[str, Any], *, secret: bool = True) -> None:
    """Keeps `content`, in the place of what was there. Whoever reads meanwhile gets the old or the new, whole."""
    if secret and _put_into_keyring(name, json.dumps(content)):
        content = _IN_KEYRING
    write_file(_path(name), json.dumps(content).encode())


def remove(name: str) -> None:
    """Forgets it."""
    with suppress(Exception):  # It may never have been in a keyring, and there may be none now.
        _load_keyring().delete_password(_service(), name)
    _path(name).unlink(missing_ok=True)


def names(prefix: str) -> list[str]:
    """What is kept under names that begin so."""
    return [path.stem for path in folder().glob(f"{prefix}*.json")]


def write_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Writes a file beside the old one and then puts it in its place; a process that is killed leaves the old one."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def sweep() -> None:
    """Removes what killed processes have left half written."""
    for path in folder().glob(".new-*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - 60:
                path.unlink()


@contextmanager
def lock(name: str) -> Iterator[None]:
    """One process at a time; the system lets go of it when a process dies."""
    with (folder() / f"{name}.lock").open("a") as file:
        Path(file.name).chmod(0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _path(name: str) -> Path:
    return folder() / f"{name}.json"


def _service() -> str:
    return f"POINT {folder()}"


def _put_into_keyring(name: str, text: str) -> bool:
    """Whether the keyring took it. It may be missing, locked, or want an answer that nobody gives."""
    try:
        keyring = _load_keyring()
        if keyring.get_keyring().priority < 1:  # "fail", "null" and the ones that write plain text
            return False
        keyring.set_password(_service(), name, text)
    except Exception:  # As above.
        return False
    return True


def _load_keyring() -> Any:
    return importlib.import_module("keyring")
