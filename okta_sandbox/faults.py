"""Faults by name: what an Okta, or something that poses as one, can get wrong.

Three tables say what a fault does to the claims of an ID token, to the JSON of a token answer, and to a whole
answer of one endpoint. The few that act elsewhere are listed in OTHER and asked for by name where they act.
"""

import json
from collections.abc import Callable
from typing import Any

from okta_sandbox.wire import Answer, send_json, send_page, send_redirect

Json = dict[str, Any]
WEEK = 7 * 86400
SLOW_SECONDS = 60.0


def _set(name: str, value: Any) -> Callable[[Json], None]:
    return lambda claims: claims.update({name: value})


def _drop(*names: str) -> Callable[[Json], None]:
    def change(claims: Json) -> None:
        for name in names:
            claims.pop(name, None)

    return change


def _shift(seconds: int, *names: str) -> Callable[[Json], None]:
    return lambda claims: claims.update({name: claims[name] + seconds for name in names})


def _add_audience(claims: Json) -> None:
    claims["aud"] = [claims["aud"], "https://stranger.example"]


def _wrap_audience(claims: Json) -> None:
    claims["aud"] = [claims["aud"]]


CLAIM_FAULTS: dict[str, Callable[[Json], None]] = {
    "wrong_nonce": _set("nonce", "not-the-nonce-that-was-sent"),
    "missing_nonce": _drop("nonce"),
    "wrong_issuer": _set("iss", "https://stranger.example"),
    "missing_issuer": _drop("iss"),
    "wrong_audience": _set("aud", "0oaSomebodyElse00000"),
    "missing_audience": _drop("aud"),
    "extra_audience": _add_audience,
    "audience_as_array": _wrap_audience,
    "wrong_azp": _set("azp", "0oaSomebodyElse00000"),
    "missing_sub": _drop("sub"),
    "missing_iat": _drop("iat"),
    "missing_exp": _drop("exp"),
    "expired_id_token": _shift(-7200, "iat", "exp"),
    "stale_id_token": _shift(-WEEK, "iat"),
    "future_id_token": _shift(3600, "iat", "exp"),
    "wrong_at_hash": _set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
    "missing_at_hash": _drop("at_hash"),
    "no_email": _drop("email", "email_verified"),
}
REFRESH_CLAIM_FAULTS: dict[str, Callable[[Json], None]] = {
    "refresh_wrong_sub": _set("sub", "00uSomebodyElse00000"),
    "refresh_wrong_issuer": _set("iss", "https://stranger.example"),
}
PERSON_FAULTS: dict[str, Callable[[Json], None]] = {
    "no_email_anywhere": _drop("email", "email_verified"),
    "email_not_verified": lambda claims: claims.update({"email_verified": False} if "email" in claims else {}),
}
TOKEN_FAULTS: dict[str, Callable[[Json], None]] = {
    "no_id_token": _drop("id_token"),
    "no_access_token": _drop("access_token"),
    "token_type_mac": _set("token_type", "mac"),
    "token_no_expires_in": _drop("expires_in"),
    "token_no_scope": _drop("scope"),
    "token_type_inverted_case": _set("token_type", "bEARER"),
    "token_scope_reduced": _set("scope", "openid"),
}
REFRESH_TOKEN_FAULTS: dict[str, Callable[[Json], None]] = {"refresh_no_new_token": _drop("refresh_token")}


def _change(change: Callable[[Json], None]) -> Callable[[Answer], Answer]:
    def changed(answer: Answer) -> Answer:
        if answer.status != 200 or ("Content-Type", "application/json") not in answer.headers:
            return answer
        document = json.loads(answer.body)
        change(document)
        return Answer(answer.status, answer.headers, json.dumps(document).encode())

    return changed


def _fail(_: Answer) -> Answer:
    return send_json({"errorCode": "E0000009", "errorSummary": "Internal Server Error"}, 500)


def _page(_: Answer) -> Answer:
    return send_page("<!DOCTYPE html><title>Maintenance</title><h1>We will be right back</h1>")


def _halve(answer: Answer) -> Answer:
    """An answer without a body gets one, or it would be whole."""
    answer.body = answer.body or b"{}"
    answer.half = True
    return answer


def _reset(answer: Answer) -> Answer:
    answer.reset = True
    return answer


def _slow(answer: Answer) -> Answer:
    answer.delay = SLOW_SECONDS
    return answer


def _drip(answer: Answer) -> Answer:
    answer.body = answer.body or b"{}"
    answer.drip = 1.0
    return answer


def _lie(_: Answer) -> Answer:
    return send_json({"error": "server_error", "errorCode": "E0000009", "errorSummary": "Internal Server Error"})


def _redirect(_: Answer) -> Answer:
    return send_redirect("/sandbox/elsewhere", status=307)


def _keep_one_key(document: Json) -> None:
    del document["keys"][1:]


def _drop_key_ids(document: Json) -> None:
    for key in document["keys"]:
        del key["kid"]


def _empty_list(answer: Answer) -> Answer:
    return Answer(answer.status, answer.headers, b"[]")


# What any endpoint may do wrong after it has done its work; the work of one that says 429 is not done at all.
PLACES = ("discovery", "organization", "keys", "token", "userinfo", "revoke", "interact", "idx", "management")
BAD_ANSWERS: dict[str, Callable[[Answer], Answer]] = {
    "500": _fail, "html": _page, "half": _halve, "reset": _reset, "slow": _slow, "drip": _drip, "200_error": _lie,
}
ANSWER_FAULTS: dict[str, tuple[str, Callable[[Answer], Answer]]] = {
    **{f"{place}_{name}": (place, change) for place in PLACES for name, change in BAD_ANSWERS.items()},
    "discovery_list": ("discovery", _empty_list),
    "discovery_redirect": ("discovery", _redirect),
    "discovery_issuer_mismatch": ("discovery", _change(_set("issuer", "https://stranger.example"))),
    "discovery_foreign_token_endpoint": (
        "discovery", _change(_set("token_endpoint", "https://stranger.example/oauth2/v1/token")),
    ),
    "keys_empty": ("keys", _change(_set("keys", []))),
    "keys_single": ("keys", _change(_keep_one_key)),
    "keys_without_kid": ("keys", _change(_drop_key_ids)),
    "token_redirect": ("token", _redirect),
    "token_200_error": (
        "token", lambda _: send_json({"error": "invalid_grant", "error_description": "PKCE verification failed."}),
    ),
    "userinfo_wrong_sub": ("userinfo", _change(_set("sub", "00uSomebodyElse00000"))),
    "logout_500": ("logout", _fail),
}
REFUSED: dict[str, str] = {f"{place}_429": f"{place}: 429 E0000047" for place in PLACES}
SIGNING_FAULTS: dict[str, str] = {
    "bad_signature": "ID token: the signature does not fit",
    "alg_none": "ID token: alg none, no signature",
    "hs256": "ID token: HS256, keyed with the public key",
    "unknown_kid": "ID token: signed by a key that is never published",
    "no_kid": "ID token: no kid in the header",
    "rotate_before_signing": "ID token: signed by a new key that no one can have fetched before",
}
OTHER: dict[str, str] = {
    "offline_access_refused": "authorize: invalid_scope for offline_access",
    "authorize_error_server_error": "authorize: comes back with error=server_error",
    "app_without_interaction_code": "interact, token: the grant is ticked on no app",
    "rule_without_interaction_code": "idx, token: the grant is ticked in no access policy rule",
    "rule_without_authorization_code": "authorize, token: the grant is ticked in no access policy rule",
    "token_person_deactivated": "token: whoever asks has been deactivated",
    "token_person_unassigned": "token: whoever asks is not assigned to the app",
    "refresh_invalid_grant": "token: every refresh token is invalid or expired",
    "refresh_reused": "token: every refresh token counts as used again, and all of its sign-in ends",
    "userinfo_signed_jwt": "userinfo: a signed JWT instead of JSON",
    "rate_limited": "every endpoint: 429 E0000047",
    "management_rate_limited": "management: 429 E0000047 after 6 calls, until the 4 seconds are over",
    "api_token_revoked": "management: every API token is invalid",
    "management_origins_500": "management: trusted origins answer 500",
    "management_create_lost": "management: creates, and resets the connection instead of an answer",
    "slow_everything": "every endpoint: late by the delay set on the sandbox",
}


FAULTS: dict[str, str] = {
    **dict.fromkeys(CLAIM_FAULTS, "ID token"),
    **SIGNING_FAULTS,
    **dict.fromkeys(PERSON_FAULTS, "ID token and userinfo"),
    **dict.fromkeys(TOKEN_FAULTS, "token answer"),
    **dict.fromkeys([*REFRESH_CLAIM_FAULTS, *REFRESH_TOKEN_FAULTS], "refresh only"),
    **{name: endpoint for name, (endpoint, _) in ANSWER_FAULTS.items()},
    **REFUSED,
    **OTHER,
}
"""Every fault, with where it acts."""


def _of(endpoint: str) -> tuple[str, ...]:
    return tuple(name for name, (place, _) in ANSWER_FAULTS.items() if place == endpoint)


GROUPS: dict[str, tuple[str, ...]] = {
    "ID token": (*CLAIM_FAULTS, *SIGNING_FAULTS, *PERSON_FAULTS, *REFRESH_CLAIM_FAULTS),
    "Token answer": (*TOKEN_FAULTS, *REFRESH_TOKEN_FAULTS),
    **{f"Answers of {place}": (f"{place}_429", *_of(place)) for place in PLACES},
    "Answers of logout": _of("logout"),
    "Limits, policies, and the rest": tuple(OTHER),
}
"""As the sandbox's page shows them."""


def apply_faults(table: dict[str, Callable[[Json], None]], faulty: dict[str, bool], claims: Json) -> None:
    for name, change in table.items():
        if faulty[name]:
            change(claims)


def spoil_answer(endpoint: str, faulty: dict[str, bool], answer: Answer) -> Answer:
    for name, (place, change) in ANSWER_FAULTS.items():
        if place == endpoint and faulty[name]:
            answer = change(answer)
    return answer
