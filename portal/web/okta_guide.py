"""Organization > Integrations > Okta > Guide: the parts as pages beside the fields, progress, and a sheet to print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from portal import guide
from portal.current import services
from portal.errors import Problem, Refused
from portal.guide.shapes import Part
from portal.web.guards import demand_viewer, member
from portal.web.guide_fields import load_fields
from portal.web.guide_known import Known, find_known, typed_problem
from portal.web.guide_shown import Place, show_part, show_parts, values_of
from portal.web.guide_ticks import save_ticks
from portal.web.okta_changes import list_labels, show_value
from portal.web.redirects import Redirect
from portal.web.render import render

pages = Blueprint("okta_guide", __name__, url_prefix="/organizations/<slug>/integrations/okta/guide")
_LONGEST_DOMAIN = 300


@pages.get("")
@member("integrations.view")
def show(slug: str) -> ResponseReturnValue:
    """All parts, with how far each has come."""
    known, place = _load(), _place(slug)
    return _render("overview", known, place, typed_problem=typed_problem(known, services().settings))


@pages.get("/print")
@member("integrations.view")
def print_sheet(slug: str) -> ResponseReturnValue:
    """Everything on one page, for the person who looks after Okta."""
    known, place = _load(), _place(slug)
    return _render("print", known, place, organization_name=demand_viewer().organization_name)


@pages.get("/<part_id>")
@member("integrations.view")
def show_one(slug: str, part_id: str) -> ResponseReturnValue:
    """One part."""
    part = demand_part(part_id)
    known, place = _load(), _place(slug)
    shown = show_part(part, known, values_of(services().settings), place)
    return _render("part", known, place, shown=shown, **told(), **neighbours(part))


@pages.post("/<part_id>")
@member("integrations.edit", fresh=False)
def save_progress(slug: str, part_id: str) -> ResponseReturnValue:
    """What was ticked off; goes on to the next part when that was pressed."""
    part = demand_part(part_id)
    person = demand_viewer()
    save_ticks(person.session.organization_id, part, request.form, who=person.email)
    return Redirect(after_ticks(f"/organizations/{slug}/integrations/okta/guide", part))


def demand_part(part_id: str, parts: Sequence[Part] = guide.PARTS) -> Part:
    """Raises Refused(NOT_FOUND) for a part that is not among `parts`."""
    part = guide.BY_ID.get(part_id)
    if part is None or part not in parts:
        raise Refused(Problem.NOT_FOUND, "guide_part")
    return part


def after_ticks(address: str, part: Part) -> str:
    """Where saving the progress leads: to the part that was pressed, or back with a word that it is saved."""
    go = guide.BY_ID.get(request.form.get("go", ""))
    carried = {"domain": asked_domain()} if asked_domain() else {}
    query = urlencode(carried if go else {"saved": "yes", **carried})
    return f"{address}/{go.id if go else part.id}" + (f"?{query}" if query else "")


def neighbours(part: Part, parts: Sequence[Part] = guide.PARTS) -> dict[str, Any]:
    """The part's number, and those before and after it (None at the ends)."""
    number = parts.index(part)
    before = parts[number - 1] if number else None
    after = parts[number + 1] if number + 1 < len(parts) else None
    return {"number": number + 1, "before": before, "after": after}


def told() -> dict[str, Any]:
    """What this page says was just done: progress saved, or the fields beside it kept as a draft."""
    return {"saved": "saved" in request.args, "kept": request.args.get("kept", "")}


def after_draft(guide_address: str, elsewhere: str, kept: bool) -> str:
    """Where saving the fields as a draft leads: to the part of the guide that they stood beside, or to `elsewhere`."""
    part = request.form.get("back", "")
    word = "draft" if kept else "same"
    return f"{guide_address}/{part}?kept={word}" if part in guide.BY_ID else elsewhere + word


def asked_domain() -> str:
    """The domain that somebody has typed to get links, for this view only."""
    return request.args.get("domain", "")[:_LONGEST_DOMAIN].strip()


def _load() -> Known:
    with services().db.reading() as connection:
        return find_known(connection, services(), demand_viewer().session.organization_id, typed=asked_domain())


def _place(slug: str) -> Place:
    okta = f"/organizations/{slug}/integrations/okta"
    may_edit = demand_viewer().may("integrations.edit")
    pages_of = {"form": okta, "integrations": f"/organizations/{slug}/integrations"}
    pages_of |= {"delete": f"{okta}/delete", "test": f"{okta}/test"} if may_edit else {}
    return Place(guide=f"{okta}/guide", fields=okta, checks=f"{okta}/checks", may_edit=may_edit, pages=pages_of)


def _render(template: str, known: Known, place: Place, **more: Any) -> str:
    return render(
        f"pages/okta_guide/{template}.html",
        known=known,
        place=place,
        parts=show_parts(known, services().settings, place),
        fields=load_fields(demand_viewer().session.organization_id),
        labels=list_labels(),
        show_value=show_value,
        **more,
    )
