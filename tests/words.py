"""What pages must not say to people who only want to log in: the words of those who build such things.

They may stand in a fold (`<details>`), and in values (`<code>`). Okta's own labels are another matter: whoever sees
them is told to look for them in Okta.
"""

from __future__ import annotations

import re
from html import unescape

JARGON = re.compile(
    r"\b(?:access tokens?|audience|bearer|callback|claims?|client_id|code_verifier|cors|csrf|dpop|endpoint|exception"
    r"|grant types?|http \d+|id tokens?|id_token\w*|invalid_\w+|iss|issuer|iss_sub|json|jwks?|jwt|kid|nonce|null"
    r"|oauth|oidc|openid connect|pkce|redirect_uri|refresh tokens?|scopes?|state|stack trace|timeout|tokens?|traceback"
    r"|undefined|userinfo|uri|uuid|(?:error|status|code) \d+)\b"
    r"|\b[a-z]+_[a-z_]+\b",
    re.IGNORECASE,
)
_UNSEEN = re.compile(r"<(details|code|script|style|head)\b.*?</\1>", re.DOTALL)
_TAGS = re.compile(r"<[^>]*>")


def visible(html: str) -> str:
    """The text of a page outside folds and values."""
    return " ".join(unescape(_TAGS.sub(" ", _UNSEEN.sub(" ", html))).split())


def jargon_on(html: str) -> set[str]:
    """The words on this page that people should not have to know."""
    return {match[0].lower() for match in JARGON.finditer(visible(html))}
