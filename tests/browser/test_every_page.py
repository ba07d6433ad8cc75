"""Every page is judged and every form is sent without JavaScript, also the ones that come tomorrow: what the files of
this folder say they do is read from them and compared with the routes and the templates. That it is true is seen when
they run: `Judge` looks at the address, and `meet` at what was sent (`pytest.mark.drives`)."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from portal.access import access_of
from tests.house.test_routes_and_problems import make_app

FOLDER, TEMPLATES = Path(__file__).parent, Path(__file__).parents[2] / "templates"
NO_PAGE = {
    "activity.file": "a file", "okta_setup.script": "a file", "okta_setup.terraform": "a file",
    "assets.style": "a style sheet", "static": "files", "widget_assets.file": "files",
    "health.healthz": "for programs", "health.readyz": "for programs", "health.show_metrics": "for programs",
    "home.session": "for programs", "native.openapi_document": "for programs", "native.jwks": "for programs",
    "native.me": "for programs", "native.sessions": "for programs",
    "native_pages.android_claims": "for programs", "native_pages.apple_claims": "for programs",
    "login.again_by_okta": "leads to Okta", "login.okta_logout": "an empty answer in a hidden frame",
    "okta_checks.progress": "a part of okta_checks.show", "okta_checks.rows": "a part of okta_checks.show",
    "okta_setup.progress": "a part of okta_setup.show", "okta_test.progress": "a part of okta_test.show",
}  # fmt: skip
NO_FORM = {
    "login.callback": "Okta's answers; a POST is turned away", "universal_logout.receive": "Okta's orders, as JSON",
    "native.complete_login": "the app's call", "native.complete_logout": "the app's call",
    "native.discover": "the app's call", "native.log_in": "the app's call", "native.log_out": "the app's call",
    "native.refresh": "the app's call",
}  # fmt: skip
# Forms that only look something up: who answers them.
SEARCHES = {
    "activity/filters.html": "activity.index", "members/index.html": "members.index",
    "okta_guide/domain.html": "okta_guide.show", "okta_setup/files.html": "okta_setup.terraform",
}  # fmt: skip


def calls(name: str) -> Iterator[ast.Call]:
    """Every call of `name` in the tests of this folder."""
    for file in sorted(FOLDER.glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
                yield node


def first_text(node: ast.expr) -> str:
    """A text, or the part of it before the first thing that is put in."""
    part = node.values[0] if isinstance(node, ast.JoinedStr) else node
    return str(part.value) if isinstance(part, ast.Constant) else ""


def judged() -> dict[str, list[str]]:
    """Which states of which endpoint are judged; names that a loop goes over stand in its table."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(FOLDER.glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant | ast.JoinedStr):
                endpoint, colon, state = first_text(node).partition(": ")
                if colon and re.fullmatch(r"[a-z_]+\.[a-z_]+", endpoint):
                    found[endpoint] += [state] if state else []
    return found


def routes(tmp_path: Path, method: str) -> set[str]:
    app = make_app(tmp_path)
    found = {rule.endpoint for rule in app.url_map.iter_rules() if method in (rule.methods or ())}
    return {endpoint for endpoint in found if access_of(app, endpoint) is not None}


def test_every_page_is_judged(tmp_path: Path) -> None:
    pages, known = routes(tmp_path, "GET"), judged()
    assert pages - set(known) - set(NO_PAGE) == set(), "neither judged in tests/browser nor listed in NO_PAGE"
    assert set(NO_PAGE) - pages == set(), "no such route"
    assert set(known) & set(NO_PAGE) == set(), "both judged and listed"


def test_no_state_of_a_page_is_judged_twice() -> None:
    assert {name: states for name, states in judged().items() if len(set(states)) < len(states)} == {}


def test_every_form_is_sent_without_javascript(tmp_path: Path) -> None:
    forms = routes(tmp_path, "POST") | set(SEARCHES.values())
    driven = {first_text(each) for call in calls("drives") for each in call.args}
    assert forms - driven - set(NO_FORM) == set(), "no test with pytest.mark.drives sends it"
    assert driven - forms == set(), "no such route"
    assert driven & set(NO_FORM) == set(), "both driven and listed"


def test_every_form_that_looks_something_up_is_known() -> None:
    pages = TEMPLATES / "pages"
    found = {str(file.relative_to(pages)) for file in pages.rglob("*.html") if 'method="get"' in file.read_text()}
    assert found == set(SEARCHES)
