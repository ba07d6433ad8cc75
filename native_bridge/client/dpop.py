"""DPoP (RFC 9449): tokens that are of use only together with a key. In an app the key lives in the phone's secure
hardware and cannot be read; here it is kept beside the tokens, which shows the calls but protects less."""

from __future__ import annotations

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from typing import Any

# joserfc is imported where a key is used: most logins have none, and every command would wait for it.


def make_key() -> dict[str, Any]:
    """A new key for ES256, with its private part."""
    from joserfc.jwk import ECKey

    return dict(ECKey.generate_key("P-256").as_dict(private=True))


def prove(key: dict[str, Any], *, method: str, url: str, access_token: str = "", nonce: str = "") -> str:
    """The value of the header DPoP for one request (sections 4.2 and 7); `url` without query."""
    from joserfc import jwt
    from joserfc.jwk import ECKey

    signer = ECKey.import_key(key)
    public = {name: key[name] for name in ("kty", "crv", "x", "y")}
    claims = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": int(time.time())}
    if access_token:
        claims["ath"] = urlsafe_b64encode(hashlib.sha256(access_token.encode()).digest()).decode().rstrip("=")
    if nonce:
        claims["nonce"] = nonce
    return jwt.encode({"typ": "dpop+jwt", "alg": "ES256", "jwk": public}, claims, signer)
