"""The link to a test login, for whoever has it: it says whose it is, and begins only when its button is pressed.

Nothing here reads or changes who is logged in to POINT; the return from Okta is told from a login's by its state.
"""

from __future__ import annotations

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue

from portal import trial_sign_out, trials
from portal.access import public
from portal.current import services
from portal.errors import Problem, Refused
from portal.store.group_roles import read_group_roles
from portal.store.organizations import Organization, load_organization_by_id
from portal.store.trial_logins import Trial
from portal.trial_run import examine
from portal.trials import Returned
from portal.web import embedded, throttle, widget_assets
from portal.web.browsers import browser_hash, mark_browser
from portal.web.headers import reference
from portal.web.identity import viewer
from portal.web.redirects import Redirect
from portal.web.render import render
from portal.web.trial_view import problem_of

pages = Blueprint("trial_login", __name__)
_PRIVATE = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


@pages.get("/test-login/<key>")
@public()
def show(key: str) -> ResponseReturnValue:
    """Whose test login it is, with the button; afterwards, whether it worked."""
    trial = _load(key)
    if trial.status in ("created", "started"):
        more = {"embedded": _is_embedded(trial), "by_groups": _by_groups(trial)}
        return _answer("pages/trial_login/start.html", trial, key, **more)
    if trial.status == "running" and not trials.is_cut_off(services(), trial):
        response = _answer("pages/trial_login/running.html", trial, key)
        response.headers["Refresh"] = "1"
        return response
    mine = browser_hash(services())
    is_mine = mine is not None and mine == trial.tested_hash
    return _answer(
        "pages/trial_login/result.html",
        trial,
        key,
        passed=bool(trial.passed),
        problem=problem_of(trial),
        reference=trial.reference or "",
        email=(trial.email or "") if is_mine else "",
        may_sign_out=trial_sign_out.may_sign_out(services(), trial, mine),
        signed_out="signed_out" in request.args,
    )


@pages.post("/test-login/<key>")
@public()
def go(key: str) -> ResponseReturnValue:
    """The button. Ends on a page that leads on: a form may not be answered by a way to Okta (form-action)."""
    trial = _load(key)
    throttle.limit_trial_starts(trial.name)
    response = Response()
    mine = mark_browser(response, services())
    another = bool(request.form.get("another"))
    way = trials.go_to_okta(services(), trial, browser_hash=mine, another=another, reference=reference())
    if way is None:
        return Redirect(f"/test-login/{key}")
    if request.form.get("embedded") and _is_embedded(trial):
        page = embedded.try_out(_organization(trial), way.attempt, redirect_login=way.url)
        page.headers.extend({"Set-Cookie": response.headers.getlist("Set-Cookie")})
        response = page
    else:
        response.set_data(render("pages/trial_login/leading.html", address=way.url, signing_out=False, **_whose(trial)))
    response.headers.update(_PRIVATE)
    return response


@pages.post("/test-login/<key>/sign-out")
@public()
def sign_out(key: str) -> ResponseReturnValue:
    """Finish: sign out at Okta, in the browser that signed in there."""
    trial = _load(key)
    if not trial_sign_out.may_sign_out(services(), trial, browser_hash(services())):
        return Redirect(f"/test-login/{key}")
    url = trial_sign_out.sign_out_address(services(), trial)
    if url is None:
        return Redirect(f"/test-login/{key}")
    page = render("pages/trial_login/leading.html", address=url, signing_out=True, **_whose(trial))
    return Response(page, headers=_PRIVATE)


def come_back(raw: str, state: str) -> Response:
    """Okta's answer to a test login on the web. A browser that did not go there learns and changes nothing."""
    trial = trials.find_by_state(services(), state)
    mine = browser_hash(services())
    if trial is None or trial.app != "spa" or mine is None or mine != trial.tested_hash:
        g.retry_url = "/login"
        raise Refused(Problem.ATTEMPT_UNKNOWN, "test_login_of_another_browser")
    returned = trials.take_back(services(), trial, raw)
    if returned is not None:
        _examine(returned)
    return Redirect(f"/test-login/{trials.key_of(services(), trial)}")


def came_from_sign_out(state: str) -> Response | None:
    """Okta's sign-out ended a test login: back to its page. None for a state that is unknown, or known too well."""
    trial = trial_sign_out.note_signed_out(services(), state) if trials.is_trial_state(state) else None
    key = trials.key_of(services(), trial) if trial is not None else ""
    return Redirect(f"/test-login/{key}?signed_out") if key else None


def _examine(returned: Returned) -> None:
    """Beside the page, which looks on; or at once where too much else is under way."""
    ours, number = services(), reference()

    def work() -> None:
        examine(ours, returned, reference=number)

    try:
        ours.background.start("test-login", work, owner=returned.trial.organization_id)
    except Refused:
        work()


def _load(key: str) -> Trial:
    trial = trials.find_by_key(services(), key)
    if trial is None:
        raise Refused(Problem.TEST_LOGIN_OVER, "test_login_unknown")
    return trial


def _by_groups(trial: Trial) -> bool:
    with services().db.reading() as connection:
        return read_group_roles(connection, trial.organization_id).claim is not None


def _is_embedded(trial: Trial) -> bool:
    """Whether people of this organization sign in on POINT's page. Raises Refused(TEST_LOGIN_OVER)."""
    subject = trials.demand_open(services(), trial)
    return trial.app == "spa" and subject.sign_in == "embedded" and widget_assets.installed()


def _organization(trial: Trial) -> Organization:
    with services().db.reading() as connection:
        return load_organization_by_id(connection, trial.organization_id)


def _whose(trial: Trial) -> dict[str, object]:
    organization = _organization(trial)
    person = viewer()
    known = person is not None and person.organization_slug == organization.slug and person.may("integrations.view")
    back = f"/organizations/{organization.slug}/integrations/okta/test/{trial.name}" if known else ""
    return {
        "organization_name": organization.name,
        "asked_by": trial.created_by,
        "app": trial.app,
        "back": back,
    }


def _answer(template: str, trial: Trial, key: str, **context: object) -> Response:
    page = render(template, url=f"/test-login/{key}", **_whose(trial), **context)
    return Response(page, headers=_PRIVATE)
