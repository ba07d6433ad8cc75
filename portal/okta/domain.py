"""Whatever an owner pastes -> the domain of an Okta org, or a Refused that says why not.

Owns which names may be an Okta at all (policy); the grammar is hostname.py. Knows no DNS and no socket: that a custom
domain really belongs to an Okta is proved live by the caller (security.md 1).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from portal.errors import Problem, Refused
from portal.okta.hostname import OKTA_SUFFIXES, Origin, parse_origin

# Names that never lead out of a house or a machine: RFC 6761, RFC 2606, RFC 6762, RFC 7686, RFC 9476, ICANN's
# "internal", and what routers, containers and Windows networks use. No custom domain of an Okta is among them.
_SPECIAL = frozenset({
    "alt", "arpa", "corp", "consul", "docker", "domain", "example", "home", "internal", "intranet", "invalid", "lan",
    "local", "localdomain", "localhost", "mail", "onion", "private", "svc", "test", "workgroup",
})  # fmt: skip
# Okta's own sites below its suffixes. None of them is an organization.
_OKTA_SITES = frozenset({"www", "login", "developer", "support", "help", "status", "trust"})
_OKTA = "|".join(re.escape(suffix) for suffix in OKTA_SUFFIXES)
_TYPO = re.compile(
    rf"(?:.+\.)?(?:{_OKTA})\.(?:com|{_OKTA})"
    r"|(?:.+\.)?(?:okta|oktapreview|okta-emea|okta-gov)\.(?:co|cm|om|con|cmo|ocm|comm|vom|xom)"
)
_ADMIN = re.compile(rf"(.+)-admin(\.(?:{_OKTA}))\Z", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class OktaDomain(Origin):
    """Where an organization's Okta answers. Made by `parse_domain` or `read_pasted` only."""

    # Set when the operator's own list (POINT_OKTA_DOMAINS) vouches for this host.
    vouched: bool = field(default=False, compare=False, repr=False)

    @property
    def is_okta_run(self) -> bool:
        """Codes and refresh tokens may be sent here: Okta's own suffix, the operator's list, or this machine."""
        return self.vouched or self.is_loopback or _ends_in(self.host, OKTA_SUFFIXES)

    def __str__(self) -> str:
        return self.base if self.is_loopback else self.host


@dataclass(frozen=True, slots=True)
class Pasted:
    """A domain and the authorization server that the pasted address named: "default", "aus...", or None."""

    domain: OktaDomain
    authorization_server: str | None


def parse_domain(
    text: object, *, loopback: bool = False, extra_suffixes: Sequence[str] = (), custom: bool = False
) -> OktaDomain:
    """The Okta domain that `text` is, strictly: a name, `https://` before it and one slash behind it at most.

    loopback       -- accepts localhost, 127.0.0.1 and [::1] with a port, http or https (http when none is typed).
    extra_suffixes -- names that count as Okta besides Okta's own, themselves and whatever is below them.
    custom         -- accepts any other public name, with `is_okta_run` False: the caller has to prove it live.
    Raises Refused with a DOMAIN_ problem; `reason` is the code of cases/ssrf_domains.json. Makes no network access.
    """
    origin = parse_origin(text, loopback=loopback)
    host = origin.host
    if origin.is_loopback:
        return OktaDomain(host, origin.port, origin.scheme)
    if _ends_in(host, extra_suffixes, itself=True):
        return OktaDomain(host, vouched=True)
    _check_policy(host, custom=custom)
    return OktaDomain(host)


def _check_policy(host: str, *, custom: bool) -> None:
    label, _, rest = host.partition(".")
    if _TYPO.fullmatch(host):
        raise Refused(Problem.DOMAIN_TYPO, "domain_typo")
    if host in OKTA_SUFFIXES or (rest in OKTA_SUFFIXES and label in _OKTA_SITES):
        raise Refused(Problem.DOMAIN_NOT_ORG, "domain_not_an_org")
    if _ends_in(host, OKTA_SUFFIXES):
        # The Admin Console issues nothing: a login against it can never work. `read_pasted` mends it for people.
        if label.endswith("-admin"):
            raise Refused(Problem.DOMAIN_FORM, "domain_is_admin_console")
        return
    if not custom or host.rpartition(".")[2] in _SPECIAL:
        raise Refused(Problem.DOMAIN_NOT_OKTA, "domain_not_allowed")


def _ends_in(host: str, suffixes: Sequence[str], *, itself: bool = False) -> bool:
    """The dot counts: `evilokta.com` is not below `okta.com`."""
    names = [suffix.strip(". ").lower() for suffix in suffixes]
    return any(host.endswith("." + name) or (itself and host == name) for name in names if name)


# The addresses that owners have before their eyes when they are asked for the domain. The host stays a rough shape
# here, because parse_domain judges it; everything behind the host has to be one of these, to the last character.
_SERVER = r"(?:default|aus[A-Za-z0-9]{1,61})"
_PASTED = re.compile(
    rf"""
    (?P<origin> (?:[A-Za-z]{{1,8}}://)? [A-Za-z0-9.:\[\]-]{{1,270}}+ )
    (?:
        /?
      | /oauth2/?
      | (?:/oauth2/(?P<issuer>{_SERVER}))?
        (?: / | /\.well-known/(?:openid-configuration|oauth-authorization-server) )?
      | /oauth2/(?:(?P<endpoint>{_SERVER})/)?v1/[a-z/]{{1,40}}
      | /\.well-known/oauth-authorization-server/oauth2/(?P<rfc8414>{_SERVER})
      | /\.well-known/okta-organization
      | /admin/oauth2/as/(?P<console>{_SERVER})
      | /admin(?:/[A-Za-z0-9._~/-]*)?
      | /(?:app/UserHome | login/login\.htm | login/default | signin | enduser/[a-z/]{{1,40}})/?
    )
    (?:\?[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?
    (?:\#[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?
    """,
    re.VERBOSE,
)
_PLACEHOLDER = re.compile(
    r"(?:https?://)?[$<\[{(%]*\s*your[ _-]?okta[ _-]?(?:domain|org|url|subdomain)(?![a-z0-9]).*",
    re.IGNORECASE | re.DOTALL,
)
_LONGEST_PASTE = 2048


def read_pasted(
    text: object, *, loopback: bool = False, extra_suffixes: Sequence[str] = (), custom: bool = False
) -> Pasted:
    """Finds the domain in what an owner pasted: a bare name, an issuer, a metadata address or a page of Okta.

    Mends white space around it, upper case, a dot or slash at the end and the Admin Console's `-admin`; arguments as
    for `parse_domain`. Raises Refused: DOMAIN_HAS_PATH for an unknown address behind the host, DOMAIN_EMPTY
    ("domain_placeholder") for `{yourOktaDomain}`, else what `parse_domain` says.
    """
    if isinstance(text, str):
        if len(text) > _LONGEST_PASTE:
            raise Refused(Problem.DOMAIN_FORM, "domain_too_long")
        text = text.strip(" \t\r\n\u00a0")
        if _PLACEHOLDER.fullmatch(text):
            raise Refused(Problem.DOMAIN_EMPTY, "domain_placeholder")
    shape = _shape(text)
    host = _ADMIN.sub(r"\1\2", shape["origin"].removesuffix(".")) if shape else text
    domain = parse_domain(host, loopback=loopback, extra_suffixes=extra_suffixes, custom=custom)
    servers = shape.group("issuer", "endpoint", "rfc8414", "console") if shape else ()
    return Pasted(domain, next(filter(None, servers), None))


def _shape(text: object) -> re.Match[str] | None:
    """The pasted address taken apart, or None where parse_domain has to say what is wrong with the whole of it."""
    shape = _PASTED.fullmatch(text) if isinstance(text, str) else None
    # A query right behind the host is where `evil.example?.okta.com` hides; it is nobody's address of an Okta.
    if shape and shape.string[shape.end("origin"):].startswith(("?", "#")):
        return None
    return shape
