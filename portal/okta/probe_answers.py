"""What an Okta's refusals of a made-up login tell about the app that was named (facts 2.2, 3.3, 7).

Only reads; nothing is believed but the few answers that are known, and none of Okta's text goes on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from portal.okta.refusals import Answer, read_error

_MOST_GRANTS = 20
_LONGEST_PAGE = 32 * 1024
_DESCRIPTION = re.compile(r'id="error-description"[^>]{0,200}>(.{0,600}?)</', re.DOTALL)
_GRANT_LIST = re.compile(r"Configured grant types: \[([^\]]{0,2000})\]")
_NAME = re.compile(r"[A-Za-z0-9_:./-]{1,64}")
_SERVICE = "'application_type' of 'service'"

AuthorizeKind = Literal["sent_back", "redirect_uri", "client", "service", ""]
TokenKind = Literal["allowed", "grant_off", "client", "confidential", "service", "dpop", ""]


@dataclass(frozen=True, slots=True)
class AuthorizeSaid:
    """Where /authorize led.

    kind  -- "sent_back" to our redirect URI, which proves client and redirect URI; or what Okta's own page turned down:
             the "redirect_uri", the "client", the client's kind ("service"). "" is none of these.
    error -- of what was sent back, "" unless it is a plain name. "login_required" is the good answer.
    """

    kind: AuthorizeKind
    error: str = ""


@dataclass(frozen=True, slots=True)
class TokenSaid:
    """Why /token refused.

    kind   -- "allowed": only what was to be redeemed is wrong. "grant_off": the app may not use the grant. "client": it
              is not known. "confidential": it wants a secret. "service", "dpop": it is or wants that. "" is none of
              these.
    grants -- what the app has instead, when Okta listed it.
    """

    kind: TokenKind
    grants: tuple[str, ...] | None = None


def read_authorize(answer: Answer, redirect_uri: str) -> AuthorizeSaid:
    """What /authorize did with a login that may not ask anybody (prompt=none)."""
    location = answer.headers.get("location", "")
    if answer.status in (302, 303) and location.partition("?")[0] == redirect_uri:
        error = parse_qs(urlsplit(location).query).get("error", [""])[0]
        return AuthorizeSaid("sent_back", error if is_name(error) else "")
    if answer.status != 400:
        return AuthorizeSaid("")
    shown = _DESCRIPTION.search(answer.body[:_LONGEST_PAGE].decode("utf-8", "replace"))
    text = shown[1].replace("&#39;", "'").replace("&#x27;", "'") if shown else ""
    if "redirect_uri" in text:
        return AuthorizeSaid("redirect_uri")
    if _SERVICE in text:
        return AuthorizeSaid("service")
    return AuthorizeSaid("client" if "client_id" in text else "")


def read_token(answer: Answer) -> TokenSaid:
    """How /token refused a code or a refresh token that does not exist."""
    error, text = read_error(answer) if 400 <= answer.status < 500 and answer.status != 429 else ("", "")
    if error == "invalid_grant":
        return TokenSaid("allowed")
    if error == "unauthorized_client" and "grant type" in text:
        return TokenSaid("grant_off", read_grants(text))
    if error in ("invalid_dpop_proof", "use_dpop_nonce"):
        return TokenSaid("dpop")
    if _SERVICE in text:
        return TokenSaid("service")
    if error == "invalid_client":
        known = "credentials" in text or "authentication" in text or "secret" in text
        return TokenSaid("confidential" if known else "client")
    return TokenSaid("")


def read_grants(text: str) -> tuple[str, ...] | None:
    """The grants that Okta lists when it refuses one, at most 20, plain names only; None when it lists none."""
    listed = _GRANT_LIST.search(text)
    if listed is None:
        return None
    names = [name.strip() for name in listed[1].split(",")]
    return tuple(name for name in names if is_name(name))[:_MOST_GRANTS]


def is_name(text: str) -> bool:
    """Whether `text` is a plain name of at most 64 characters, such as a grant's or an error code."""
    return _NAME.fullmatch(text) is not None
