"""Organization > Integrations > Okta > One-click set-up: the form, how far a run is, and going on with it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from portal import setting_up
from portal.connecting import stamp_of
from portal.current import services
from portal.errors import Problem, Refused
from portal.okta.management import read_token
from portal.okta.set_up_files import script_values, terraform_values
from portal.store.drafts import find_draft
from portal.store.integrations import find_integration, settings_of
from portal.store.setup_runs import SetupRun, find_run, list_runs
from portal.subjects import form_of
from portal.web import throttle
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer, member
from portal.web.headers import reference
from portal.web.okta_changes import list_changes
from portal.web.okta_setup_form import Form, first_form, read_domain, read_form, read_query
from portal.web.okta_setup_rows import show_run
from portal.web.redirects import Redirect
from portal.web.render import render, show_time

pages = Blueprint("okta_setup", __name__, url_prefix="/organizations/<slug>/integrations/okta/setup")


@pages.get("")
@member("integrations.view")
def show(slug: str) -> ResponseReturnValue:
    """The form, and the run that is asked for or the last one."""
    return _page(_first_form())


@pages.get("/progress")
@member("integrations.view", landing=False)
def progress(slug: str) -> ResponseReturnValue:
    """How far the run is, for live.js."""
    return render("pages/okta_setup/run.html", **_shown(_asked_run()), problems={})


@pages.post("")
@member("integrations.edit")
def start(slug: str) -> ResponseReturnValue:
    """Looks, or sets up: with the right domain and a token that it takes, the rest is done beside this page."""
    organization_id = demand_viewer().session.organization_id
    throttle.limit_set_ups(organization_id)
    form = read_form(request.form, _first_form())
    if not form.problems:
        try:
            okta = setting_up.prove(services(), form.domain, form.demand_token())
            run_id = setting_up.begin(
                services(),
                organization_id,
                what=form.what,
                okta=okta,
                token=form.demand_token(),
                order=form.order,
                who=demand_viewer().email,
                reference=reference(),
            )
            return Redirect(_address(slug, run_id))
        except Refused as refused:
            note_refusal(refused)
            form.problems[_field_of(refused)] = refused.problem
    return _page(form, form.problems)


@pages.post("/resume")
@member("integrations.edit")
def resume(slug: str) -> ResponseReturnValue:
    """Goes on with a run that stopped half-way."""
    return _go_on(slug, "resume_token", undo=False)


@pages.post("/undo")
@member("integrations.edit")
def undo(slug: str) -> ResponseReturnValue:
    """Takes back what a run has made in Okta."""
    return _go_on(slug, "undo_token", undo=True)


@pages.post("/stop")
@member("integrations.edit")
def stop(slug: str) -> ResponseReturnValue:
    """Stops before the next step. The second press finds it stopped."""
    run = _asked_run(request.form)
    if run is None:
        return _page(_first_form(), {"form": Problem.CONFLICT})
    setting_up.stop(services(), run.organization_id, run.id)
    return Redirect(_address(slug, run.id))


@pages.get("/terraform")
@member("integrations.view", landing=False)
def terraform(slug: str) -> ResponseReturnValue:
    """The same as a Terraform file, with this organization's values."""
    return _file("okta.tf", f"point-{slug}-okta.tf", "text/plain")


@pages.get("/script")
@member("integrations.view", landing=False)
def script(slug: str) -> ResponseReturnValue:
    """The same as a shell script around curl."""
    return _file("okta.sh", f"point-{slug}-okta.sh", "text/x-shellscript")


def _go_on(slug: str, field: str, *, undo: bool) -> ResponseReturnValue:
    run = _asked_run(request.form)
    if run is None:
        return _page(_first_form(), {"form": Problem.CONFLICT})
    throttle.limit_set_ups(run.organization_id)
    try:
        token = read_token(request.form.get(field, "")[:2048])
        okta = setting_up.prove(services(), run.domain, token)
        setting_up.resume(
            services(),
            run,
            okta=okta,
            token=token,
            revoke="revoke" in request.form,
            undo=undo,
            who=demand_viewer().email,
            reference=reference(),
        )
    except Refused as refused:
        note_refusal(refused)
        name = "form" if _field_of(refused) == "form" else field
        return _page(_first_form(), {name: refused.problem}, run)
    return Redirect(_address(slug, run.id))


def _field_of(refused: Refused) -> str:
    if refused.problem.name.startswith("DOMAIN"):
        return "domain"
    about_token = refused.problem.name.startswith("API_TOKEN") or refused.problem is Problem.FIELD_REQUIRED
    return "token" if about_token else "form"


def _asked_run(asked: Mapping[str, str] | None = None) -> SetupRun | None:
    """The run that a form or an address names; the last one where an address names none."""
    given = request.args.get("run") if asked is None else asked.get("run", "")
    organization_id = demand_viewer().session.organization_id
    with services().db.reading() as connection:
        if given is None:
            return find_run(connection, organization_id)
        number = int(given) if given.isdecimal() and given.isascii() and len(given) < 12 else -1
        return find_run(connection, organization_id, number)


def _first_form() -> Form:
    with services().db.reading() as connection:
        return first_form(connection, demand_viewer().session.organization_id)


def _page(
    form: Form, problems: Mapping[str, Problem] | None = None, run: SetupRun | None = None
) -> ResponseReturnValue:
    found = problems or {}
    run = run or (_asked_run() if not found or "form" in found else None)
    with services().db.reading() as connection:
        runs = list_runs(connection, demand_viewer().session.organization_id)
        live = find_integration(connection, demand_viewer().session.organization_id)
    earlier = [each for each in runs if run is None or each.id != run.id]
    page = render(
        "pages/okta_setup/show.html",
        form=form,
        problems=found,
        connected=live is not None,
        origin=services().settings.base_url,
        runs=[(each.id, show_time(each.started_at), each.started_by) for each in earlier],
        **_shown(run),
    )
    return page, next((problem.status for problem in found.values()), 200)


def _shown(run: SetupRun | None) -> dict[str, object]:
    shown = show_run(run, now=services().now()) if run else None
    draft = _show_draft() if shown and shown.to_switch_on else None
    return {"run": shown, "may_edit": demand_viewer().may("integrations.edit"), "draft": draft}


def _show_draft() -> SimpleNamespace | None:
    """What switching the draft on would change; None once it has been switched on or thrown away."""
    organization_id = demand_viewer().session.organization_id
    with services().db.reading() as connection:
        live, draft = find_integration(connection, organization_id), find_draft(connection, organization_id)
    if live is None or draft is None:
        return None
    changes = list_changes(form_of(settings_of(live)), {**form_of(None), **draft.entries})
    return SimpleNamespace(changes=changes, version=stamp_of(live, draft))


def _address(slug: str, run_id: int) -> str:
    return f"/organizations/{slug}/integrations/okta/setup?run={run_id}"


def _file(template: str, name: str, kind: str) -> ResponseReturnValue:
    """Without a domain whoever runs the file says it; a wrong one is told beside its field."""
    form = read_query({**request.args, "domain": request.args.get("files_domain", "")}, _first_form())
    try:
        domain = read_domain(form.domain) if form.domain else None
    except Refused as refused:
        note_refusal(refused)
        return _page(form, {"files_domain": refused.problem})
    if form.problems:
        return _page(form, form.problems)
    fill = terraform_values if template.endswith(".tf") else script_values
    values = fill(setting_up.addresses_of(services()), form.order.kinds, domain, form.order.authorization_server)
    text = render(f"files/{template}", **values, organization=demand_viewer().organization_slug)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.lstrip("\n"), mimetype=kind, headers=headers)
