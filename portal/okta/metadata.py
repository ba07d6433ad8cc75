"""What an issuer's metadata says, read strictly: hostile documents are refused here. Fetches and keeps nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from portal.errors import Problem, Refused
from portal.okta.keys import ALGORITHMS
from portal.okta.refusals import clean

MAX_URL = 2048  # characters
# Visible ASCII without what browsers and HTTP clients read differently: quotes, angles, backslash, caret, braces, "#".
_url = re.compile(r"[A-Za-z0-9!$%&'()*+,\-./:;=?@_~\[\]]+")
_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_origin = re.compile(r"(https?)://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[::1\])(?::[0-9]{1,5})?")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Provider:
    """What POINT needs of an issuer's metadata; every address is on the issuer's own host."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str | None
    jwks_uri: str
    end_session_endpoint: str | None
    revocation_endpoint: str | None
    algorithms: tuple[str, ...]
    requires_iss: bool
    scopes_supported: tuple[str, ...]


def read_metadata(document: dict[str, Any], *, issuer: str, loopback: bool = False) -> Provider:
    """The metadata of `issuer` (OIDC Discovery 4.2 and 4.3, RFC 8414 section 3.3, RFC 9207 section 3).

    loopback -- http is allowed as well, when the issuer is on this very machine.
    Raises Refused(OKTA_ANSWER_INVALID): discovery_incomplete, issuer_invalid, issuer_mismatch, endpoint_invalid,
    endpoint_not_https, endpoint_foreign_host, alg_unsupported, code_flow_unsupported, s256_unsupported.
    """
    origin = _check_issuer(document, issuer, loopback)
    _check_abilities(document)
    published = _read_list(document, "id_token_signing_alg_values_supported", required=True)
    algorithms = tuple(name for name in ALGORITHMS if name in published)
    if not algorithms:
        raise _refused("alg_unsupported", " ".join(published))

    def required(name: str) -> str:
        if not isinstance(document.get(name), str):
            raise _refused("discovery_incomplete", name)
        return _check_endpoint(name, document[name], origin)

    def optional(name: str) -> str | None:
        return None if document.get(name) is None else required(name)

    return Provider(
        issuer=issuer,
        authorization_endpoint=required("authorization_endpoint"),
        token_endpoint=required("token_endpoint"),
        userinfo_endpoint=optional("userinfo_endpoint"),
        jwks_uri=required("jwks_uri"),
        end_session_endpoint=optional("end_session_endpoint"),
        revocation_endpoint=optional("revocation_endpoint"),
        algorithms=algorithms,
        requires_iss=_read_flag(document, "authorization_response_iss_parameter_supported"),
        scopes_supported=_read_list(document, "scopes_supported"),
    )


def _check_issuer(document: dict[str, Any], issuer: str, loopback: bool) -> str:
    """The issuer's scheme, host and port, once the document is the issuer's own."""
    found = document.get("issuer")
    if not isinstance(found, str):
        raise _refused("discovery_incomplete", "issuer")
    if "?" in found or "#" in found:
        raise _refused("issuer_invalid", found)
    if found != issuer:
        raise _refused("issuer_mismatch", found)
    origin = _origin.match(issuer)
    rest = issuer[origin.end() :] if origin else ""
    if origin is None or (rest and (rest[0] != "/" or "@" in rest or not _url.fullmatch(rest))):
        raise _refused("issuer_invalid", issuer)
    if origin[1] == "http" and not (loopback and origin[2] in _LOOPBACK):
        raise _refused("issuer_invalid", "not https")
    return origin[0]


def _check_endpoint(name: str, url: str, origin: str) -> str:
    """An endpoint has to begin as its issuer does, spelled the same way; what merely looks alike is refused."""
    scheme = _scheme.match(url)
    if scheme is None or len(url) > MAX_URL or not _url.fullmatch(url):
        raise _refused("endpoint_invalid", name)
    if scheme[1] != origin.partition(":")[0]:
        raise _refused("endpoint_not_https", f"{name}: {scheme[1]}")
    if not url.startswith(origin + "/"):
        raise _refused("endpoint_foreign_host", f"{name}: {url}")
    return url


def _check_abilities(document: dict[str, Any]) -> None:
    _read_list(document, "subject_types_supported", required=True)
    if "code" not in _read_list(document, "response_types_supported", required=True):
        raise _refused("code_flow_unsupported", "response_types_supported")
    grants = _read_list(document, "grant_types_supported")
    if grants and "authorization_code" not in grants:
        raise _refused("code_flow_unsupported", "grant_types_supported")
    if "code_challenge_methods_supported" in document and "S256" not in _read_list(
        document, "code_challenge_methods_supported"
    ):
        raise _refused("s256_unsupported")


def _read_list(document: dict[str, Any], name: str, *, required: bool = False) -> tuple[str, ...]:
    value = document.get(name)
    if value is None and not required:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _refused("discovery_incomplete", name)
    return tuple(value)


def _read_flag(document: dict[str, Any], name: str) -> bool:
    value = document.get(name, False)
    if not isinstance(value, bool):
        raise _refused("discovery_incomplete", name)
    return value


def _refused(reason: str, detail: str = "") -> Refused:
    return Refused(Problem.OKTA_ANSWER_INVALID, reason, clean(detail))
