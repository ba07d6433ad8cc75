"""Makes tokens: the ID token, the access token, and the answer that carries them."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from okta_sandbox.directory import AuthorizationServer, Json, Person
from okta_sandbox.faults import (
    CLAIM_FAULTS,
    PERSON_FAULTS,
    REFRESH_CLAIM_FAULTS,
    REFRESH_TOKEN_FAULTS,
    TOKEN_FAULTS,
    apply_faults,
)
from okta_sandbox.grants import AccessToken, SignIn
from okta_sandbox.group_claims import list_groups
from okta_sandbox.keys import Claims, Signer, encode_part, make_signer
from okta_sandbox.org import Org

ID_TOKEN_SECONDS = 3600


@dataclass(frozen=True)
class Order:
    """What is to be minted. `scopes` may be fewer than the sign-in's; a refresh carries no nonce."""

    server: AuthorizationServer
    base: str
    sign_in: SignIn
    person: Person
    scopes: list[str]
    nonce: str
    access_seconds: int
    refreshed: bool = False


def mint_answer(org: Org, order: Order) -> Json:
    """The body of a token answer. It never carries `state`: Okta's own clients refuse that."""
    access_token = mint_access_token(org, order)
    answer: Json = {
        "token_type": "Bearer", "expires_in": order.access_seconds, "access_token": access_token,
        "scope": " ".join(order.scopes),
    }
    if order.sign_in.refresh_token:
        answer["refresh_token"] = order.sign_in.refresh_token
    if "openid" in order.scopes:
        answer["id_token"] = mint_id_token(org, order, access_token)
    apply_faults(TOKEN_FAULTS, org.faulty, answer)
    if order.refreshed:
        apply_faults(REFRESH_TOKEN_FAULTS, org.faulty, answer)
    return answer


def mint_access_token(org: Org, order: Order) -> str:
    """A JWT on both kinds of server; the org server marks its own as none of the client's business."""
    now = int(org.clock())
    sign_in, server, signer = order.sign_in, order.server, org.ring(order.server.id).active
    issuer = server.issuer(org.issuer_base(server, sign_in.client_id, order.base))
    audience = issuer if server.is_org else server.json["audiences"][0]
    jti = f"AT.{secrets.token_urlsafe(32)}" + (f".{sign_in.id}" if sign_in.refresh_token else "")
    claims: Claims = {
        "ver": 1, "jti": jti, "iss": issuer, "aud": audience, "iat": now, "exp": now + order.access_seconds,
        "cid": sign_in.client_id, "uid": order.person.id, "scp": order.scopes, "auth_time": sign_in.auth_time,
        "sub": order.person.email,
    }
    header = {"kid": signer.kid, "alg": "RS256"}
    if server.is_org:
        header["typ"] = "application/okta-internal-at+jwt"
    value = signer.encode(header, claims)
    token = AccessToken(value, jti, sign_in.id, sign_in.client_id, server.id, order.person.id, order.scopes, issuer,
                        audience, now, now + order.access_seconds)
    with org.lock:
        org.grants.access_tokens[value] = token
    return value


def mint_id_token(org: Org, order: Order, access_token: str) -> str:
    now = int(org.clock())
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    app = org.apps[order.sign_in.client_id]
    person = {**list_groups(org, order.server, app, order.person, order.scopes), **order.person.profile(order.scopes)}
    apply_faults(PERSON_FAULTS, org.faulty, person)
    issuer = order.server.issuer(org.issuer_base(order.server, order.sign_in.client_id, order.base))
    claims: Claims = {
        "sub": order.person.id, "ver": 1, "iss": issuer, "aud": order.sign_in.client_id,
        "iat": now, "exp": now + ID_TOKEN_SECONDS, "jti": f"ID.{secrets.token_urlsafe(32)}",
        "amr": order.sign_in.amr, "idp": order.sign_in.identity_provider or org.id,
        "auth_time": order.sign_in.auth_time, "at_hash": encode_part(half), **person,
    }
    if order.nonce:
        claims["nonce"] = order.nonce
    apply_faults(CLAIM_FAULTS, org.faulty, claims)
    if order.refreshed:
        apply_faults(REFRESH_CLAIM_FAULTS, org.faulty, claims)
    return sign_id_token(org, order.server.id, claims)


def sign_id_token(org: Org, server_id: str, claims: Claims) -> str:
    if org.faulty["rotate_before_signing"]:
        with org.lock:
            org.ring(server_id).replace()
    signer = org.ring(server_id).active
    header: Claims = {"kid": signer.kid, "alg": "RS256"}
    if org.forge is not None:
        return org.forge(header, claims, signer)
    if org.faulty["no_kid"]:
        del header["kid"]
    return _spoil_signature(org, signer, header, claims)


_stranger: list[Signer] = []


def _spoil_signature(org: Org, signer: Signer, header: Claims, claims: Claims) -> str:
    if org.faulty["alg_none"]:
        return f"{encode_part({'alg': 'none'})}.{encode_part(claims)}."
    if org.faulty["hs256"]:
        content = f"{encode_part({**header, 'alg': 'HS256'})}.{encode_part(claims)}"
        return f"{content}.{encode_part(hmac.digest(signer.public_pem, content.encode(), 'sha256'))}"
    if org.faulty["unknown_kid"]:
        if not _stranger:
            _stranger.append(make_signer())
        return _stranger[0].encode({**header, "kid": _stranger[0].kid}, claims)
    token = signer.encode(header, claims)
    if org.faulty["bad_signature"]:
        content, _, signature = token.rpartition(".")
        return f"{content}.{'B' if signature[0] != 'B' else 'C'}{signature[1:]}"
    return token
