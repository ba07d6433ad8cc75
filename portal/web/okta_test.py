"""Organization > Integrations > Okta > Test login: what was tested before, and one test login as it goes on."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Flask, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal import trials
from portal.current import services
from portal.errors import Problem, Refused
from portal.qr import draw_qr
from portal.store.trial_logins import Trial, find_trial_by_name, list_trials
from portal.subjects import find_subject
from portal.web import throttle
from portal.web.browsers import mark_browser
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer, member
from portal.web.headers import reference
from portal.web.redirects import Redirect
from portal.web.render import render, show_time
from portal.web.trial_view import is_alive, outcome_of, show_stages, summarize
from portal.web.trial_words import SUBJECTS

pages = Blueprint("okta_test", __name__, url_prefix="/organizations/<slug>/integrations/okta/test")


def init_app(app: Flask) -> None:
    """Lets `flask maintenance` tidy up."""
    app.extensions.setdefault("maintenance", {})["trial_logins"] = partial(trials.tidy, app.extensions["point"])


@pages.get("")
@member("integrations.view")
def index(slug: str) -> ResponseReturnValue:
    """The test logins of this organization, and the buttons for a new one."""
    return _index()


@pages.post("")
@member("integrations.view")
def start(slug: str) -> ResponseReturnValue:
    """A new test login: a link to open here, or to give to somebody."""
    session = demand_viewer().session
    with services().db.reading() as connection:
        subject = find_subject(connection, session.organization_id)
    app = request.form.get("app", "")
    if subject is None or app not in subject.apps:
        refused = Refused(Problem.TEST_LOGIN_NOTHING, "app_missing")
        note_refusal(refused)
        return _index(refused.problem), refused.problem.status
    throttle.limit_trials(session.organization_id)
    response = Redirect("")
    name = trials.make_trial(
        services(),
        subject,
        app,
        who=session.email,
        user_id=session.user_id,
        browser_hash=mark_browser(response, services()),
        reference=reference(),
    )
    response.headers["Location"] = f"/organizations/{slug}/integrations/okta/test/{name}"
    return response


@pages.get("/<name>")
@member("integrations.view")
def show(slug: str, name: str) -> ResponseReturnValue:
    """One test login: its link while it is good, and its stages as they happen."""
    return render("pages/okta_test/show.html", **_progress(slug, _load(name)))


@pages.get("/<name>/progress")
@member("integrations.view", landing=False)
def progress(slug: str, name: str) -> ResponseReturnValue:
    """The part of that page that changes."""
    return render("pages/okta_test/progress.html", **_progress(slug, _load(name)))


def _load(name: str) -> Trial:
    with services().db.reading() as connection:
        trial = find_trial_by_name(connection, demand_viewer().session.organization_id, name[:50])
    if trial is None:
        raise Refused(Problem.NOT_FOUND, "test_login_unknown")
    return trial


def _progress(slug: str, trial: Trial) -> dict[str, object]:
    with services().db.reading() as connection:
        app = trials.find_app(connection, trial)
    text, tone = outcome_of(trial)
    stages = show_stages(trial, app)
    wrong = [stage for stage in stages if stage.verdict == "wrong"] if trial.passed is False else []
    return {
        "trial": summarize(trial),
        "app": trial.app,
        "stages": stages,
        "outcome": text,
        "tone": tone,
        "passed": bool(trial.passed),
        "is_draft": trial.subject == "draft",
        "okta": f"/organizations/{slug}/integrations/okta",
        "wrong": wrong[0] if wrong else None,
        "reference": trial.reference or "",
        "alive": is_alive(trial),
        "progress_url": f"/organizations/{slug}/integrations/okta/test/{trial.name}/progress",
        "settings_changed": app is None,
        **_link(trial, usable=app is not None),
    }


def _link(trial: Trial, *, usable: bool) -> dict[str, object]:
    """The link, while somebody may use it; for a phone as a QR code too."""
    key = trials.key_of(services(), trial)
    is_open = usable and trial.status in ("created", "started") and is_alive(trial) and bool(key)
    link = f"{services().settings.base_url}/test-login/{key}"
    return {
        "link": link if is_open else "",
        "link_path": f"/test-login/{key}",
        "link_until": show_time(trial.created_at + trials.LINK_SECONDS),
        "qr": draw_qr(link) if is_open and trial.app == "native" else None,
    }


def _index(problem: Problem | None = None) -> str:
    organization_id = demand_viewer().session.organization_id
    with services().db.reading() as connection:
        subject = find_subject(connection, organization_id)
        listed = list_trials(connection, organization_id)
    apps = [name for name in ("spa", "native") if subject is not None and name in subject.apps]
    native = subject is not None and bool(subject.entries.native_client_id.strip())
    return render(
        "pages/okta_test/index.html",
        trials=[summarize(trial) for trial in listed],
        apps=apps,
        has_settings=subject is not None,
        native_missing=native and "native" not in apps,
        settings=gettext(SUBJECTS[subject.name]) if subject is not None else "",
        is_draft=subject is not None and subject.name == "draft",
        problem=problem,
    )
