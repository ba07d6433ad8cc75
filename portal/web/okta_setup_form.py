"""The form of the one-click set-up: what was typed, what is wrong with it, and what is meant.

The token is never kept in it as text, so that no page can show it again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from portal.connecting import surroundings
from portal.current import services
from portal.errors import Problem, Refused
from portal.okta.connect import is_api_token
from portal.okta.domain import OktaDomain, read_pasted
from portal.okta.management import ApiToken, read_token
from portal.okta.set_up_plan import Kind
from portal.set_up_work import Order
from portal.store.setup_runs import find_run
from portal.subjects import find_subject

_LONGEST_ENTRY = 2048
_SERVER_ID = re.compile(r"auto|org|default|aus[A-Za-z0-9]{1,36}")
_APPS: dict[str, tuple[Kind, ...]] = {"both": ("spa", "native"), "spa": ("spa",), "native": ("native",)}


@dataclass(slots=True)
class Form:
    """what -- "look" or "set_up". apps -- "both", "spa" or "native"; with_web -- whether a web app is there already, so
    that the one for phones may be added alone."""

    domain: str = ""
    apps: str = "both"
    sign_in: str = "redirect"
    authorization_server: str = "auto"
    revoke: bool = True
    what: str = "set_up"
    with_web: bool = False
    problems: dict[str, Problem] = field(default_factory=dict)
    _token: ApiToken | None = field(default=None, repr=False)

    @property
    def order(self) -> Order:
        return Order(_APPS[self.apps], self.sign_in, self.authorization_server, self.revoke)

    def demand_token(self) -> ApiToken:
        """The token, in a form without problems."""
        assert self._token is not None
        return self._token


def first_form(connection: Connection, organization_id: int) -> Form:
    """Filled in with what the organization has, or tried last."""
    subject, run = find_subject(connection, organization_id), find_run(connection, organization_id)
    form = Form()
    if subject is not None:
        form.domain, form.sign_in = subject.entries.spa_domain, subject.sign_in
        form.with_web = bool(subject.entries.spa_client_id)
    if run is not None:
        form.domain, form.sign_in = run.domain, run.choices["sign_in"]
        form.authorization_server = run.choices["authorization_server"]
    return form


def read_form(given: Mapping[str, str], known: Form) -> Form:
    """What was sent, with a problem for each field that has to be mended. known -- the form as it was at first."""
    form = read_query(given, known)
    form.what = "look" if given.get("what") == "look" else "set_up"
    form.revoke = "revoke" in given
    try:
        form._token = read_token(given.get("token", "")[:_LONGEST_ENTRY])
    except Refused as refused:
        form.problems["token"] = refused.problem
    if is_api_token(form.domain):
        form.problems["domain"], form.domain = Problem.API_TOKEN_PASTED, ""
    elif "token" in form.problems:
        # Both fields are told about at once; whether it is an Okta is asked only when there is a token for it.
        try:
            read_domain(form.domain)
        except Refused as refused:
            form.problems["domain"] = refused.problem
    return form


def read_query(given: Mapping[str, str], known: Form) -> Form:
    """The choices alone, as the form for the files has them."""
    names = ("domain", "apps", "sign_in", "authorization_server")
    typed = {name: given.get(name, "")[:_LONGEST_ENTRY].strip() for name in names}
    form = Form(domain=typed["domain"], with_web=known.with_web)
    form.apps = typed["apps"] if typed["apps"] in _APPS else "both"
    if form.apps == "native" and not form.with_web:
        form.apps = "both"
    form.sign_in = typed["sign_in"] if typed["sign_in"] in ("redirect", "embedded") else "redirect"
    server = typed["authorization_server"] or "auto"
    if is_api_token(server):
        form.problems["authorization_server"] = Problem.API_TOKEN_PASTED
    elif not _SERVER_ID.fullmatch(server):
        form.authorization_server = server
        form.problems["authorization_server"] = Problem.AUTHORIZATION_SERVER_FORM
    else:
        form.authorization_server = server
    return form


def read_domain(text: str) -> OktaDomain:
    """The domain that was pasted. Nothing is asked. Raises Refused with a DOMAIN_ problem."""
    around = surroundings(services())
    known = read_pasted(text, loopback=around.loopback, extra_suffixes=around.extra_suffixes, custom=True)
    return known.domain
