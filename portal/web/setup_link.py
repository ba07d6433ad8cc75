"""What a hand-over link opens: the guide, the checks and a draft of the Okta fields of one organization, without an
account. It shows nobody of the organization, switches nothing on and deletes nothing.

The token stays in the address and nowhere else: no cookie, so that the links of two organizations never mix, and
nothing is kept when the window is closed. It leaves our pages by no referrer, is in no log (routes are logged by their
rule) and rests as a hash.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, g, make_response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal import connecting, guide
from portal.access import public
from portal.checking import start_checks
from portal.current import services
from portal.errors import Problem, Refused
from portal.okta.connect import EntriesRefused
from portal.store.activity import record_event
from portal.store.setup_links import SetupLink, find_link, use_link
from portal.subjects import FIELDS, read_form
from portal.web import throttle
from portal.web.errors import note_refusal
from portal.web.guide_fields import Fields, load_fields
from portal.web.guide_known import Known, find_known, typed_problem
from portal.web.guide_shown import Place, show_part, show_parts, values_of
from portal.web.guide_ticks import save_ticks
from portal.web.headers import reference
from portal.web.okta_changes import list_labels, show_value
from portal.web.okta_guide import after_draft, after_ticks, asked_domain, demand_part, neighbours, told
from portal.web.redirects import Redirect
from portal.web.render import render, show_time

pages = Blueprint("setup_link", __name__, url_prefix="/setup/<token>")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_TOUCH_SECONDS = 60
_LONGEST_ENTRY = 2048
# The address is the key: no page that is visited from here, and no search engine, shall know it.
_PRIVATE = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}
# Deleting the integration is the organization's own business.
_PARTS = tuple(part for part in guide.PARTS if not part.later)


def keep_private(view: Callable[..., ResponseReturnValue]) -> Callable[..., Response]:
    """Puts the headers on what `view` answers, and on the error page instead of it."""

    @wraps(view)
    def answer(**values: str) -> Response:
        g.problem_headers = dict(_PRIVATE)
        response = make_response(view(**values))
        response.headers.update(_PRIVATE)
        return response

    return answer


@pages.get("")
@public()
@keep_private
def show(token: str) -> ResponseReturnValue:
    """Whose set-up this is, the parts with their progress, and the fields."""
    return _render("overview", demand_link(token), token, kept=request.args.get("kept", ""))


@pages.get("/print")
@public()
@keep_private
def print_sheet(token: str) -> ResponseReturnValue:
    """The sheet to print."""
    return _render("print", demand_link(token), token)


@pages.get("/checks")
@public()
@keep_private
def checks(token: str) -> ResponseReturnValue:
    """What the last checks found."""
    return _render("checks", demand_link(token), token)


@pages.post("/checks")
@public()
@keep_private
def check(token: str) -> ResponseReturnValue:
    """Looks everything up in that Okta once more."""
    link = demand_link(token)
    known = _load(link)
    if known.subject is not None:
        throttle.limit_link_checks(link.id)
        start_checks(services(), known.subject, who=link.name)
    return Redirect(f"/setup/{token}/checks")


@pages.post("/okta")
@public()
@keep_private
def save_draft(token: str) -> ResponseReturnValue:
    """Keeps the fields as a draft; what an owner makes of it is theirs."""
    link = demand_link(token)
    throttle.limit_link_saves(link.id)
    form = {name: request.form.get(name, "")[:_LONGEST_ENTRY].strip() for name in FIELDS}
    stored = load_fields(link.organization_id)
    # What the page does not ask stays as it is.
    form |= {name: stored.form[name] for name in ("authorization_server", "sign_in")}
    try:
        kept = _keep(link, form)
    except EntriesRefused as refused:
        for each in refused.problems.values():
            note_refusal(each)
        problems = {field: each.problem for field, each in refused.problems.items()}
        return _render("overview", link, token, form=refused.showable(form), problems=problems), 422
    except Refused as refused:
        if refused.problem is not Problem.CONFLICT:
            raise
        note_refusal(refused)
        return _render("overview", link, token, form=form, problems={"form": refused.problem}), 409
    return Redirect(after_draft(f"/setup/{token}", f"/setup/{token}?kept=", kept))


@pages.get("/<part_id>")
@public()
@keep_private
def show_one(token: str, part_id: str) -> ResponseReturnValue:
    """One part of the guide."""
    link, part = demand_link(token), demand_part(part_id, _PARTS)
    known, place = _load(link), _place(token)
    shown = show_part(part, known, values_of(services().settings), place)
    more = {"shown": shown, **told(), **neighbours(part, _PARTS)}
    return _render("part", link, token, **more)


@pages.post("/<part_id>")
@public()
@keep_private
def save_progress(token: str, part_id: str) -> ResponseReturnValue:
    """What was ticked off."""
    link, part = demand_link(token), demand_part(part_id, _PARTS)
    save_ticks(link.organization_id, part, request.form, who=link.name, about={"setup_link": link.id})
    return Redirect(after_ticks(f"/setup/{token}", part))


def demand_link(token: str) -> SetupLink:
    """The link behind this address, and that it was used.

    Raises Refused(SETUP_LINK_GONE), the same for one that has expired, was revoked or never was.
    """
    now = services().now()
    link = None
    if _TOKEN.fullmatch(token):
        with services().db.reading() as connection:
            link = find_link(connection, token, now=now)
    if link is None:
        throttle.limit_unknown_links()
        raise Refused(Problem.SETUP_LINK_GONE, "setup_link")
    if link.used_at is None or now - link.used_at >= _TOUCH_SECONDS:
        with services().db.writing() as connection:
            if use_link(connection, link, now=now):
                record_event(
                    connection, link.organization_id, who=link.name, what="setup_link.used", now=now,
                    reference=reference(), about={"setup_link": link.id},
                )  # fmt: skip
    g.retry_url, g.retry_label = f"/setup/{token}", gettext("Back to the set-up")
    return link


def _keep(link: SetupLink, form: dict[str, str]) -> bool:
    entries, sign_in = read_form(form)
    version, draft = connecting.read_stamp(request.form.get("version", ""))
    return connecting.keep_okta(
        services(),
        link.organization_id,
        entries,
        sign_in=sign_in,
        who=link.name,
        reference=reference(),
        expected_version=version,
        expected_draft=draft,
    )


def _load(link: SetupLink) -> Known:
    with services().db.reading() as connection:
        return find_known(connection, services(), link.organization_id, typed=asked_domain())


def _place(token: str) -> Place:
    here = f"/setup/{token}"
    return Place(
        guide=here, fields=f"{here}/okta", checks=f"{here}/checks", may_edit=True, pages={"form": f"{here}#fields"},
        names=False,
    )  # fmt: skip


def _render(template: str, link: SetupLink, token: str, *, form: dict[str, str] | None = None, **more: Any) -> str:
    known, place = _load(link), _place(token)
    fields = load_fields(link.organization_id)
    if form is not None:
        fields = Fields(form, fields.version, live=fields.live, drafted=fields.drafted)
    context = {"kept": "", "saved": False, "problems": {}, **more}
    return render(
        f"pages/setup_link/{template}.html",
        known=known,
        typed_problem=typed_problem(known, services().settings),
        place=place,
        parts=show_parts(known, services().settings, place, _PARTS),
        fields=fields,
        labels=list_labels(),
        show_value=show_value,
        as_draft=True,
        organization_name=link.organization_name,
        created_by=link.created_by,
        until=show_time(link.expires_at),
        **context,
    )
