"""A login on our own page that is for the app: a note in this browser says for which of the app's logins a session was
begun, and whether the person was told so where they typed their password.

Without the note the person is asked (`phone.py`): a link alone never sends anybody's login to an app.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from flask import Response

from portal.current import services
from portal.sealing import SealBroken
from portal.store.sessions import hash_id
from portal.web.cookies import drop_cookie, read_cookie, set_cookie

PATH = "/native/login"
_SECONDS = 120


def is_for_app(return_to: str) -> bool:
    """Whether a login that ends at this page is one for the app."""
    return return_to.startswith(PATH + "?")


def note_login(response: Response, return_to: str, session_id: str, *, told: bool) -> None:
    """Notes that this session was begun for the app's login that `return_to` names, if it names one.

    told -- the person sent a form of ours that says so.
    """
    if not is_for_app(return_to):
        return
    state = parse_qs(urlsplit(return_to).query).get("state", [""])[0]
    content = json.dumps([state, hash_id(session_id).hex(), told]).encode()
    set_cookie(
        response, services().settings, "for_app", services().sealer.seal_text("for-app", content), seconds=_SECONDS
    )


def read_note(state: str, session_hash: bytes) -> tuple[bool, bool]:
    """(whether this session was begun for the app's login with this state, whether the person was told so)."""
    try:
        content = services().sealer.unseal_text("for-app", read_cookie(services().settings, "for_app"))
    except SealBroken:
        return False, False
    noted_state, noted_session, told = json.loads(content)
    began = (noted_state, noted_session) == (state, session_hash.hex())
    return began, began and told


def drop_note(response: Response) -> None:
    """The note has served."""
    drop_cookie(response, services().settings, "for_app")
