"""What a login looks like from outside, from first question to sign-out, in a form two runs can be compared by."""

import hashlib
from typing import Any

import requests
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from okta_sandbox import encode_part
from tests.okta_sandbox.idx import Embedded
from tests.okta_sandbox.party import PASSWORD, Party, decode_part, read_query


def look(call: Any) -> Any:
    """What an answer looks like from outside, in a form that two runs can be compared by."""
    try:
        answer = call()
    except requests.ConnectionError as exc:
        return "reset" if "reset" in str(exc).lower() else "broken"
    except requests.exceptions.ChunkedEncodingError:
        return "broken"
    except requests.Timeout:
        return "late"
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    return answer.status_code, kind, answer.json() if kind == "application/json" else None


def look_at_id_token(token: str, keys: dict[str, Any], party: Party, access_token: str) -> dict[str, Any]:
    header, claims = decode_part(token, 0), decode_part(token, 1)
    try:
        genuine = bool(jws.deserialize_compact(token, KeySet.import_key_set(keys), algorithms=["RS256"]))
    except (JoseError, ValueError):
        genuine = False
    now = party.sandbox.clock()
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return {
        "alg": header["alg"], "kid": header.get("kid") in {key["kid"] for key in keys["keys"]} or header.get("kid", ""),
        "genuine": genuine, "names": sorted(claims), "iss": claims.get("iss"), "aud": claims.get("aud"),
        "sub": claims.get("sub"), "nonce": claims.get("nonce"), "at_hash": claims.get("at_hash") == encode_part(half),
        "iat": claims.get("iat", 0) - now, "exp": claims.get("exp", 0) - now, "verified": claims.get("email_verified"),
    }


def look_at_tokens(answer: Any, keys: dict[str, Any], party: Party) -> Any:
    if not isinstance(answer, tuple) or answer[2] is None or "error" in answer[2]:
        return answer
    body = answer[2]
    seen = {name: value for name, value in body.items() if not name.endswith("_token")} | {"names": sorted(body)}
    if "id_token" in body:
        seen["id_token"] = look_at_id_token(body["id_token"], keys, party, body.get("access_token", ""))
    return seen


def record_embedded(party: Party) -> dict[str, Any]:
    """An embedded sign-in, by what each answer offers to do next."""
    page = Embedded(party.base, party.client_id)
    page.timeout = party.timeout
    begun = look(page.interact)
    steps = [look(step) for step in (
        page.introspect, lambda: page.identify("alice@acme.example"), lambda: page.answer(PASSWORD),
    )]
    return {"interact": name_parts(begun), "idx": [name_parts(step) for step in steps]}


def name_parts(answer: Any) -> Any:
    if not isinstance(answer, tuple) or answer[2] is None:
        return answer
    actions = [action["name"] for action in answer[2].get("remediation", {}).get("value", [])]
    return answer[0], sorted(answer[2]), actions


def record(party: Party) -> dict[str, Any]:
    """One whole life of a login, as far as it gets."""
    party.http.cookies.clear()
    get, seen = party.get, {}
    jwks = {"keys": [signer.jwk for signer in party.sandbox.keys().published]}
    seen["discovery"] = look(lambda: get("/oauth2/default/.well-known/openid-configuration"))
    seen["organization"] = look(lambda: get("/.well-known/okta-organization"))
    keys = look(lambda: get("/oauth2/default/v1/keys"))
    if isinstance(keys, tuple) and "keys" in (keys[2] or {}):
        keys = (*keys[:2], ["kid" in key for key in keys[2]["keys"]])
    seen["keys"] = keys
    page = party.authorize()
    if page.status_code == 200 and "stateToken" in page.text:
        page = party.sign_in(page)
    back = read_query(page.headers.get("Location", ""))
    seen["callback"] = {name: back.get(name) for name in ("state", "error", "error_description")}
    answer = look(lambda: party.redeem(back.get("code", "")))
    seen["token"] = look_at_tokens(answer, jwks, party)
    tokens = answer[2] if isinstance(answer, tuple) and answer[2] else {}
    # Faults of the token endpoint hide the tokens themselves, so the rest is asked with what was made.
    made = list(party.sandbox.grants.access_tokens)
    seen |= record_embedded(party)
    seen["userinfo"] = look(lambda: party.userinfo(tokens.get("access_token") or (made or [""])[-1]))
    answer = look(lambda: party.refresh(tokens.get("refresh_token", "")))
    seen["refresh"] = look_at_tokens(answer, jwks, party)
    out = party.log_out(id_token_hint=tokens.get("id_token", ""), post_logout_redirect_uri="http://localhost:5000")
    seen["logout"] = out.status_code
    return seen
