"""The first half of a test login, before anybody goes to Okta: its metadata as it is now, and whether it would let this
app begin. What is wrong here would end on a page of Okta's from which nobody comes back.
"""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

from portal.errors import Problem, Refused
from portal.okta.attempt import Attempt, authorization_url
from portal.okta.groups import with_groups
from portal.okta.probes import find_scope
from portal.services import Services
from portal.store.group_roles import read_group_roles
from portal.store.integrations import App
from portal.trial_record import Record
from portal.trial_stages import Row, Stage, compare, hint, show

# What an owner can mend, said by Okta itself. Everything else the login will show.
_SURE = (Problem.CLIENT_UNKNOWN, Problem.CLIENT_CONFIDENTIAL, Problem.REDIRECT_URI_MISSING, Problem.GRANT_MISSING)
_CUT = {"state": 6, "nonce": 0, "code_challenge": 0}


def prepare(services: Services, attempt: Attempt, *, prompt: str | None) -> tuple[str | None, list[Stage]]:
    """Where to send the browser, and the first stages; None in the place of the address where it ends here."""
    record = Record(services.now)
    try:
        with record.stage("metadata") as rows:
            rows.append(Row("issuer", attempt.issuer))
            provider = services.providers.fetch(attempt.issuer, attempt.client_id)
            rows[0] = compare("issuer", provider.issuer, attempt.issuer, right=True, sent=attempt.issuer)
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
                rows.append(Row(name, received=show(getattr(provider, name))))
            rows.append(Row("end_session_endpoint", received=show(provider.end_session_endpoint)))
            algorithms = "id_token_signing_alg_values_supported"
            rows.append(compare(algorithms, provider.algorithms, "RS256 ES256", right=True))
        with record.stage("authorize") as rows:
            url = authorization_url(provider, attempt, prompt=prompt)
            rows += _parameters(url)
            try:
                find_scope(services.door, provider, attempt.client_id, attempt.redirect_uri)
            except Refused as refused:
                if refused.problem in _SURE:
                    raise
    except Refused:
        return None, record.stages
    record.stages[-1] = Stage("authorize", "waiting", rows=record.stages[-1].rows, at=services.now())
    return url, record.stages


def ask_for_groups(services: Services, organization_id: int, app: App) -> tuple[str, str]:
    """(the scope, the claim with the groups) as a login of this organization has them; "" where roles follow none."""
    with services.db.reading() as connection:
        claim = read_group_roles(connection, organization_id).claim
    if claim is None:
        return app.scope, ""
    with suppress(Refused):  # That this Okta does not answer is for the first stage to say.
        return with_groups(app.scope, services.providers.load(app.issuer).scopes_supported), claim
    return app.scope, claim


def _parameters(url: str) -> list[Row]:
    """What is sent; of what is a secret until the return only the beginning."""
    parts = urlsplit(url)
    rows = [Row("authorization_endpoint", f"{parts.scheme}://{parts.netloc}{parts.path}")]
    for name, value in parse_qsl(parts.query):
        rows.append(Row(name, hint(value, _CUT[name]) if name in _CUT else show(value)))
    return rows
