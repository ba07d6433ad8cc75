"""Proving an e-mail domain: a TXT record that only whoever runs the domain's DNS can write. Knows no Flask."""

from __future__ import annotations

from typing import Literal

import dns.exception
import dns.name
import dns.nameserver
import dns.resolver

from portal.services import Services
from portal.settings import Settings
from portal.store.activity import record_event
from portal.store.domains import Claim, list_open_claims, note_look, remove_old_claims, verify_domain

PREFIX = "point-verification="
SECONDS = 4.0  # for all name servers together; a page waits for it
_AGAIN_SECONDS = 3600
_MOST = 50

Seen = Literal["right", "missing", "different", "unclear"]


def record_name(domain: str) -> str:
    """Where the record belongs: a name of its own, so that it meets no other TXT record."""
    return f"_point.{domain}"


def record_value(claim: Claim) -> str:
    """What the record has to hold."""
    return PREFIX + claim.token


def look_up(settings: Settings, claim: Claim) -> Seen:
    """What the DNS says of a claim: at the name of its own, or at the domain itself, where many put it.

    "missing": no record of ours; "different": one with another value; "unclear": no name server answered in time.
    """
    values: list[str] = []
    unclear = False
    try:
        resolver = _resolver(settings)
    except dns.resolver.NoResolverConfiguration:
        return "unclear"
    for name in (record_name(claim.name), claim.name):
        try:
            answer = resolver.resolve(dns.name.from_text(name), "TXT", lifetime=SECONDS / 2)
            values += [b"".join(record.strings).decode("ascii", "replace").strip() for record in answer]
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            continue
        except dns.exception.DNSException:
            unclear = True
    if record_value(claim) in values:
        return "right"
    if any(value.startswith(PREFIX) for value in values):
        return "different"
    return "unclear" if unclear else "missing"


def check_claim(services: Services, claim: Claim, *, who: str, reference: str) -> bool:
    """Looks, and writes down what came of it; True when the domain is this organization's now."""
    seen = look_up(services.settings, claim)
    now = services.now()
    with services.db.writing() as connection:
        if seen != "right":
            note_look(connection, claim, found=seen, now=now)
            return False
        if not verify_domain(connection, claim, now=now):
            return False
        record_event(
            connection, claim.organization_id, who=who, what="domain.verified", now=now, reference=reference,
            about={"domain": claim.name},
        )  # fmt: skip
    return True


def check_open_claims(services: Services) -> tuple[int, int]:
    """The part of `maintenance`: (how many claims were proved, how many were given up)."""
    now = services.now()
    with services.db.writing() as connection:
        old = remove_old_claims(connection, now=now)
        waiting = list_open_claims(connection, before=now - _AGAIN_SECONDS, limit=_MOST)
    return sum(check_claim(services, claim, who="POINT", reference="") for claim in waiting), old


def _resolver(settings: Settings) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=not settings.dns_servers)
    if settings.dns_servers:
        pairs = (server.rpartition(":") for server in settings.dns_servers)
        resolver.nameservers = [dns.nameserver.Do53Nameserver(host, int(port)) for host, _colon, port in pairs]
    # What was not there a minute ago may be there now: whoever presses "Check" has just written it.
    resolver.cache = None
    return resolver
