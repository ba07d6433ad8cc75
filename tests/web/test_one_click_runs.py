"""The one-click set-up itself: what it makes, that it makes nothing twice, and that it can stop anywhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from okta_sandbox import RawAnswer, SeenRequest
from portal import setting_up
from portal.connecting import keep_okta
from portal.errors import Problem, Refused
from portal.okta.connect import Entries
from portal.okta.management import read_token
from portal.store.drafts import find_draft
from portal.store.integrations import find_integration
from portal.store.setup_runs import find_run
from tests.web.one_click import (
    BOTH,
    TOKEN,
    Empty,
    at_call,
    begin,
    changes,
    empty_okta,
    go_on,
    look_at,
    lose,
    outcomes,
    refuse,
    wait_for,
    wait_for_checks,
)  # fmt: skip
from tests.web.steps import globex_okta
from tests.world import World

ROOT = Path(__file__).parents[2]
CALLS = 17  # of the Management API, in a whole run from nothing
MADE = {"spa": "created", "spa_everyone": "created", "native": "created", "native_everyone": "created",
        "trusted_origin": "created", "access_policy": "created", "access_rule": "created"}  # fmt: skip


@pytest.fixture
def empty(shared: World) -> Iterator[Empty]:
    with empty_okta(shared) as empty:
        yield empty
    wait_for_checks(shared)


def test_one_run_sets_up_everything_from_nothing(shared: World, empty: Empty) -> None:
    begun = time.monotonic()
    run = begin(shared, empty)
    assert time.monotonic() - begun < 15
    assert run.status == "done"
    assert outcomes(run) == {"token": "done", **MADE, "form": "connected", "checks": "started", "forget": "kept"}
    spa, native = (empty.sandbox.app(empty.sandbox.client_id(kind)) for kind in ("spa", "native"))
    assert spa.json["label"] == "POINT SPA Integration"
    assert native.json["label"] == "POINT Native App Integration"
    assert spa.oauth["redirect_uris"] == [f"{shared.base}/login/callback"]
    assert spa.oauth["post_logout_redirect_uris"] == [shared.base]
    assert native.oauth["redirect_uris"] == ["org.pointapp.point:/login"]
    assert native.oauth["post_logout_redirect_uris"] == ["org.pointapp.point:/logout"]
    for app in (spa, native):
        assert app.oauth["grant_types"] == ["authorization_code", "refresh_token", "interaction_code"]
        assert app.credentials["token_endpoint_auth_method"] == "none"
        assert app.credentials["pkce_required"] is True
        assert app.oauth["issuer_mode"] == "DYNAMIC"
        assert app.groups == set(empty.sandbox.groups)
    assert spa.oauth["refresh_token"] == {"rotation_type": "ROTATE", "leeway": 30}
    (origin,) = empty.sandbox.origins.values()
    assert (origin["origin"], origin["scopes"]) == (shared.base, [{"type": "CORS"}, {"type": "REDIRECT"}])
    (policy,) = empty.sandbox.servers["default"].policies.values()
    assert policy["conditions"]["clients"]["include"] == [spa.client_id, native.client_id]
    (rule,) = empty.sandbox.servers["default"].rules[policy["id"]].values()
    assert rule["conditions"]["grantTypes"]["include"] == ["authorization_code", "interaction_code"]
    with shared.services.db.reading() as connection:
        live = find_integration(connection, shared.globex_id)
    assert live is not None
    assert (live.spa.client_id, live.spa.issuer) == (spa.client_id, f"{empty.okta}/oauth2/default")
    assert live.apps["native"].client_id == native.client_id
    # One of them asked whose token it is, before the run began.
    assert sum(one.path.startswith("/api/v1/") for one in empty.sandbox.requests) == CALLS + 1


def test_everybody_can_log_in_afterwards(shared: World, empty: Empty) -> None:
    begin(shared, empty)
    person = empty.sandbox.person("ben@acme.example")
    person.email = "ben@globex.example"
    ben = shared.person("ben@globex.example")
    ben.log_in(slug="globex")
    assert ben.session()["organization"] == "globex"


def test_a_second_run_changes_nothing_and_says_so(shared: World, empty: Empty) -> None:
    begin(shared, empty)
    before, made = look_at(empty.sandbox), len(changes(empty.sandbox))
    run = begin(shared, empty)
    assert look_at(empty.sandbox) == before
    assert len(changes(empty.sandbox)) == made
    assert outcomes(run) == {"token": "done", **dict.fromkeys(MADE, "there"), "form": "there", "checks": "started",
                             "forget": "kept"}  # fmt: skip
    assert not run.has_made_something()
    with shared.services.db.reading() as connection:
        live = find_integration(connection, shared.globex_id)
    assert live is not None
    assert live.version == 1


def test_looking_first_tells_what_would_be_done_and_changes_nothing(shared: World, empty: Empty) -> None:
    before = look_at(empty.sandbox)
    run = begin(shared, empty, what="look")
    assert outcomes(run) == {"token": "done", **dict.fromkeys(MADE, "to_create")}
    assert look_at(empty.sandbox) == before
    assert changes(empty.sandbox) == []
    begin(shared, empty)
    assert outcomes(begin(shared, empty, what="look")) == {"token": "done", **dict.fromkeys(MADE, "there")}


def test_what_is_missing_is_added_and_what_is_theirs_stays(shared: World, empty: Empty) -> None:
    begin(shared, empty)
    whole = look_at(empty.sandbox)
    spa = empty.sandbox.app(empty.sandbox.client_id("spa"))
    spa.oauth["redirect_uris"][:] = ["https://theirs.example/callback"]
    spa.oauth["grant_types"].remove("refresh_token")
    spa.json["label"] = "Our own name for it"
    spa.groups.clear()
    (origin,) = empty.sandbox.origins.values()
    origin |= {"scopes": [{"type": "CORS"}], "status": "INACTIVE"}
    (rules,) = empty.sandbox.servers["default"].rules.values()
    (rule,) = rules.values()
    rule["conditions"]["grantTypes"]["include"][:] = ["authorization_code"]
    theirs = look_at(empty.sandbox)
    run = begin(shared, empty)
    assert outcomes(run) == {
        "token": "done", **MADE, "spa": "added", "spa_everyone": "created", "native": "there",
        "native_everyone": "there", "trusted_origin": "added", "access_policy": "there", "access_rule": "added",
        "form": "there", "checks": "started", "forget": "kept",
    }  # fmt: skip
    assert spa.oauth["redirect_uris"] == ["https://theirs.example/callback", f"{shared.base}/login/callback"]
    assert sorted(spa.oauth["grant_types"]) == ["authorization_code", "interaction_code", "refresh_token"]
    assert spa.json["label"] == "Our own name for it"
    assert look_at(empty.sandbox)["rules"] == [
        [one if not isinstance(one, str) or one != "POINT SPA Integration" else "Our own name for it" for one in rule]
        if not isinstance(rule[-1], list) else [*rule[:-1], sorted([
            "Our own name for it" if one == "POINT SPA Integration" else one for one in rule[-1]])]
        for rule in whole["rules"]
    ]  # fmt: skip
    assert outcomes(go_on(shared, run, undo=True))["spa"] == "taken_back"
    assert look_at(empty.sandbox) == theirs


def test_a_policy_of_theirs_that_fits_is_left_alone(shared: World) -> None:
    """Acme's own Okta has been set up by hand, as the guide says."""
    cast = Empty(shared.sandbox, shared.okta)
    before = look_at(shared.sandbox)
    run = begin(shared, cast)
    assert outcomes(run) == {
        "token": "done", **dict.fromkeys(MADE, "there"), "spa_everyone": "created", "native_everyone": "created",
        "form": "connected", "checks": "started", "forget": "kept",
    }  # fmt: skip
    after = look_at(shared.sandbox)
    assert (after["origins"], after["rules"]) == (before["origins"], before["rules"])
    assert len(after["apps"]) == 2


def test_a_policy_of_theirs_that_does_not_fit_is_not_touched(shared: World, empty: Empty) -> None:
    default = empty.sandbox.servers["default"]
    shared.sandbox.servers["default"].policies.keys()
    (policy_id,) = shared.sandbox.servers["default"].policies
    policy = {**shared.sandbox.servers["default"].policies[policy_id], "name": "Default Policy"}
    (rule,) = shared.sandbox.servers["default"].rules[policy_id].values()
    rule["conditions"]["grantTypes"]["include"].remove("interaction_code")
    default.policies[policy_id], default.rules[policy_id] = policy, {rule["id"]: rule}
    before = look_at(empty.sandbox)["rules"]
    begin(shared, empty)
    after = look_at(empty.sandbox)["rules"]
    assert [one for one in after if one in before] == before
    assert len(after) == len(before) + 2


@pytest.mark.parametrize("number", range(1, CALLS + 1))
@pytest.mark.parametrize("how", ["refused", "lost"])
def test_a_run_that_stops_at_any_call_ends_the_same_when_it_is_resumed(
    shared: World, empty: Empty, number: int, how: str
) -> None:
    with empty_okta(shared) as other:
        begin(shared, other)
        wanted = look_at(other.sandbox)
    at_call(empty.sandbox, number + 1, refuse if how == "refused" else lose(empty.sandbox))
    run = begin(shared, empty)
    if how == "refused":
        assert run.status == "stopped"
        assert [step["state"] for step in run.steps].count("failed") == 1
    empty.sandbox.answer = None
    run = go_on(shared, run)
    assert run.status == "done"
    assert look_at(empty.sandbox) == wanted
    created = [entry for entry in run.made.values() if entry["did"] == "created"]
    assert len(created) == len(MADE)


@pytest.mark.parametrize("number", range(1, CALLS + 1))
@pytest.mark.parametrize("how", ["refused", "lost"])
def test_a_run_that_stops_at_any_call_can_be_undone(shared: World, empty: Empty, number: int, how: str) -> None:
    before = look_at(empty.sandbox)
    at_call(empty.sandbox, number + 1, refuse if how == "refused" else lose(empty.sandbox))
    run = begin(shared, empty)
    empty.sandbox.answer = None
    run = go_on(shared, run, undo=True)
    assert run.status == "undone"
    assert look_at(empty.sandbox) == before
    assert not run.has_made_something()


@pytest.mark.parametrize("number", [3, 5, 8, 11])
def test_an_undo_that_stops_can_be_undone_to_the_end(shared: World, empty: Empty, number: int) -> None:
    before = look_at(empty.sandbox)
    run = begin(shared, empty)
    at_call(empty.sandbox, number, lose(empty.sandbox))
    assert go_on(shared, run, undo=True).status == "stopped"
    empty.sandbox.answer = None
    with shared.services.db.reading() as connection:
        half = find_run(connection, shared.globex_id, run.id)
    assert half is not None
    assert go_on(shared, half, undo=True).status == "undone"
    assert look_at(empty.sandbox) == before


def test_undoing_leaves_what_people_log_in_with_to_the_owner(shared: World, empty: Empty) -> None:
    run = go_on(shared, begin(shared, empty), undo=True)
    assert outcomes(run)["form"] == "still_live"
    with shared.services.db.reading() as connection:
        assert find_integration(connection, shared.globex_id) is not None


def test_undoing_throws_a_draft_with_its_apps_away(shared: World, empty: Empty) -> None:
    empty.sandbox.fault("authorize_error_server_error")
    empty.sandbox.fault("discovery_500")
    run = begin(shared, empty)
    assert outcomes(run)["form"] == "draft"
    with shared.services.db.reading() as connection:
        assert find_draft(connection, shared.globex_id) is not None
        assert find_integration(connection, shared.globex_id) is None
    run = go_on(shared, run, undo=True)
    assert outcomes(run)["form"] == "draft_dropped"
    with shared.services.db.reading() as connection:
        assert find_draft(connection, shared.globex_id) is None


@pytest.mark.parametrize("after", [False, True], ids=["before Okta did it", "after"])
@pytest.mark.parametrize("call", ["/api/v1/apps", "/api/v1/trustedOrigins", "/rules"])
def test_a_process_that_is_killed_leaves_a_run_that_can_be_resumed(
    shared: World, empty: Empty, call: str, after: bool
) -> None:
    program = "\n".join([
        "import sys, time",
        "from portal.services import make_services",
        "from portal.settings import Settings",
        "from portal import setting_up",
        "from portal.okta.management import read_token",
        "from portal.set_up_work import Order",
        "base, url, okta, organization = sys.argv[1:]",
        "services = make_services(Settings(base_url=base, database_url=url, loopback_okta=True,",
        "    secret_keys=('a key for the tests that is long enough 0123456789',)))",
        "token = read_token(sys.stdin.readline())",
        "setting_up.begin(services, int(organization), what='set_up', okta=setting_up.prove(services, okta, token),",
        "    token=token, order=Order(('spa', 'native'), 'redirect', 'auto', False), who='gus', reference='X')",
        "time.sleep(60)",
    ])  # fmt: skip
    command = [sys.executable, "-c", program, shared.base, shared.settings.database_url, empty.okta,
               str(shared.globex_id)]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True)
    do = lose(empty.sandbox)

    def kill(request: SeenRequest) -> RawAnswer | None:
        if request.method != "POST" or not request.path.endswith(call):
            return None
        if after:
            do(request)
        os.kill(process.pid, signal.SIGKILL)
        return refuse(request)

    empty.sandbox.answer = kill
    assert process.stdin
    process.stdin.write(TOKEN + "\n")
    process.stdin.close()
    assert process.wait(30) == -signal.SIGKILL
    empty.sandbox.answer = None
    with shared.services.db.reading() as connection:
        run = find_run(connection, shared.globex_id)
    assert run is not None
    assert run.status == "running"
    with pytest.raises(Refused) as caught:
        go_on(shared, run)
    assert caught.value.problem is Problem.SET_UP_UNDER_WAY
    shared.clock.forward(31)
    run = go_on(shared, run)
    assert run.status == "done"
    assert len(empty.sandbox.apps) == 2
    assert len(empty.sandbox.origins) == 1
    assert len([one for one in run.made.values() if one["did"] == "created"]) == len(MADE)


def test_a_thread_that_only_seemed_dead_does_nothing_any_more(shared: World, empty: Empty) -> None:
    held, free = threading.Event(), threading.Event()

    def hold(_request: SeenRequest) -> None:
        held.set()
        free.wait(20)

    at_call(empty.sandbox, 5, hold)
    okta = setting_up.prove(shared.services, empty.okta, read_token(TOKEN))
    run_id = setting_up.begin(
        shared.services, shared.globex_id, what="set_up", okta=okta, token=read_token(TOKEN), order=BOTH, who="gus",
        reference="X",
    )  # fmt: skip
    assert held.wait(10)
    shared.clock.forward(31)
    with shared.services.db.reading() as connection:
        run = find_run(connection, shared.globex_id, run_id)
    assert run is not None
    assert not run.is_alive(shared.services.now())
    assert go_on(shared, run).status == "done"
    made = len(changes(empty.sandbox))
    free.set()
    time.sleep(0.5)
    assert len(changes(empty.sandbox)) == made
    assert wait_for(shared, run_id).status == "done"


def test_two_at_once_are_refused(shared: World, empty: Empty) -> None:
    held, free = threading.Event(), threading.Event()

    def hold(_request: SeenRequest) -> None:
        held.set()
        free.wait(20)

    at_call(empty.sandbox, 3, hold)
    okta = setting_up.prove(shared.services, empty.okta, read_token(TOKEN))
    order = {"okta": okta, "token": read_token(TOKEN), "order": BOTH, "who": "gus", "reference": "X"}
    setting_up.begin(shared.services, shared.globex_id, what="set_up", **order)  # type: ignore[arg-type]
    assert held.wait(10)
    with pytest.raises(Refused) as caught:
        setting_up.begin(shared.services, shared.globex_id, what="look", **order)  # type: ignore[arg-type]
    assert caught.value.problem is Problem.SET_UP_UNDER_WAY
    free.set()
    assert wait_for(shared).status == "done"


def test_a_rate_limit_in_the_middle_is_waited_out(shared: World, empty: Empty) -> None:
    empty.sandbox.fault("management_rate_limited")
    begun = time.monotonic()
    run = begin(shared, empty)
    assert run.status == "done"
    assert time.monotonic() - begun < 45
    assert all("until" not in step for step in run.steps)
    assert len(empty.sandbox.apps) == 2


def test_a_rate_limit_that_does_not_end_stops_the_run(shared: World, empty: Empty) -> None:
    empty.sandbox.answer = lambda request: _too_many(shared, request)
    okta = setting_up.prove(shared.services, empty.okta, read_token(TOKEN))
    run_id = setting_up.begin(
        shared.services, shared.globex_id, what="set_up", okta=okta, token=read_token(TOKEN), order=BOTH, who="gus",
        reference="X",
    )  # fmt: skip
    time.sleep(0.5)
    shared.clock.forward(61)
    run = wait_for(shared, run_id)
    assert run.status == "stopped"
    assert run.steps[0]["problem"] == "okta_busy"


def _too_many(world: World, request: SeenRequest) -> RawAnswer | None:
    if not request.path.startswith("/api/v1/"):
        return None
    headers = [("Content-Type", "application/json"), ("x-rate-limit-reset", str(int(world.clock()) + 60))]
    return RawAnswer(429, headers, b'{"errorCode":"E0000047"}')


def test_without_the_orgs_interaction_code_everything_else_is_done_and_one_step_is_left(
    shared: World, empty: Empty
) -> None:
    empty.sandbox.settings.interaction_code = False
    run = begin(shared, empty, replace(BOTH, sign_in="embedded"))
    assert run.status == "done"
    assert outcomes(run)["form"] == "connected"
    assert {step["id"] for step in run.steps if step.get("left")} == {"spa", "native", "access_rule"}
    assert all("interaction_code" not in app.grants for app in empty.sandbox.apps.values())
    # The owner switches it on, and sets up once more: only what is missing is added.
    empty.sandbox.settings.interaction_code = True
    run = begin(shared, empty, replace(BOTH, sign_in="embedded"))
    assert (outcomes(run)["spa"], outcomes(run)["native"], outcomes(run)["access_rule"]) == ("added",) * 3
    assert not any(step.get("left") for step in run.steps)
    assert all("interaction_code" in app.grants for app in empty.sandbox.apps.values())


def test_a_run_is_undone_without_a_trace_when_interaction_code_was_refused(shared: World, empty: Empty) -> None:
    empty.sandbox.settings.interaction_code = False
    before = look_at(empty.sandbox)
    go_on(shared, begin(shared, empty), undo=True)
    assert look_at(empty.sandbox) == before


@pytest.mark.parametrize(
    ("setting", "server", "policies", "issuer"),
    [("no_api_access_management", "auto", 0, ""), ("", "org", 0, ""), ("", "default", 1, "/oauth2/default")],
)
def test_the_authorization_server_is_the_one_that_can_be_used(
    shared: World, empty: Empty, setting: str, server: str, policies: int, issuer: str
) -> None:
    if setting:
        empty.sandbox.fault(setting)
    run = begin(shared, empty, replace(BOTH, authorization_server=server))
    assert run.status == "done"
    assert len(empty.sandbox.servers["default"].policies) == policies
    with shared.services.db.reading() as connection:
        live = find_integration(connection, shared.globex_id)
    assert live is not None
    assert live.spa.issuer == empty.okta + issuer


def test_an_authorization_server_that_is_not_there_is_said_to_be_so(shared: World, empty: Empty) -> None:
    run = begin(shared, empty, replace(BOTH, authorization_server="ausNowhere0000000000"))
    assert run.status == "stopped"
    assert run.steps[6]["problem"] == "authorization_server_unknown"


def test_the_classic_engine_is_set_up_without_interaction_code(shared: World, empty: Empty) -> None:
    empty.sandbox.fault("classic_engine")
    run = begin(shared, empty)
    assert run.status == "done"
    assert run.steps[0]["classic"] is True
    assert all("interaction_code" not in app.grants for app in empty.sandbox.apps.values())


def test_an_app_with_a_client_secret_is_never_taken_for_ours(shared: World, empty: Empty) -> None:
    begin(shared, empty)
    spa = empty.sandbox.app(empty.sandbox.client_id("spa"))
    spa.credentials["token_endpoint_auth_method"] = "client_secret_basic"
    assert outcomes(begin(shared, empty))["spa"] == "created"
    assert len(empty.sandbox.apps) == 3


def test_many_apps_are_looked_through_page_by_page(shared: World, empty: Empty) -> None:
    begin(shared, empty)
    apps = list(empty.sandbox.apps.values())
    for number in range(45):
        copy = replace(apps[0], json={**apps[0].json, "id": f"0oaOther{number:012}", "label": f"POINT {number}"})
        copy.json["settings"] = {**copy.json["settings"], "oauthClient": {**copy.oauth, "redirect_uris": ["https://x"]}}
        empty.sandbox.apps = {copy.client_id: copy, **empty.sandbox.apps}
    with empty_okta(shared) as other:
        # For another organization's portal nothing is known by its id.
        other.sandbox.apps, other.sandbox.groups = empty.sandbox.apps, empty.sandbox.groups
        run = begin(shared, other)
    assert (outcomes(run)["spa"], outcomes(run)["native"]) == ("there", "there")
    assert len(empty.sandbox.apps) == 47


# -- what is live -----------------------------------------------------------------------------------------------------


def test_another_okta_s_set_up_is_a_draft_and_logs_nobody_out(shared: World, empty: Empty) -> None:
    with globex_okta(shared) as theirs:
        carol = shared.carol
        carol.log_in(slug="globex")
        assert carol.session()["authenticated"]
        run = begin(shared, empty)
        assert (run.status, outcomes(run)["form"]) == ("done", "to_switch_on")
        with shared.services.db.reading() as connection:
            live, draft = find_integration(connection, shared.globex_id), find_draft(connection, shared.globex_id)
        assert live is not None
        assert draft is not None
        assert live.spa.issuer == theirs.okta
        assert (draft.entries["spa_domain"], draft.problems) == (empty.okta, {})
        assert carol.session()["authenticated"]
        wait_for_checks(shared)


@pytest.mark.parametrize("change", ["sign_in", "authorization_server", "deleted_app"])
def test_what_would_replace_something_live_of_the_same_okta_is_a_draft(
    shared: World, empty: Empty, change: str
) -> None:
    begin(shared, empty)
    with shared.services.db.reading() as connection:
        before = find_integration(connection, shared.globex_id)
    assert before is not None
    order = BOTH
    if change == "deleted_app":
        # The run finds it gone and makes another: a new Client ID.
        with empty.sandbox.lock:
            del empty.sandbox.apps[before.spa.client_id]
    else:
        order = replace(BOTH, **{change: {"sign_in": "embedded", "authorization_server": "org"}[change]})
    assert outcomes(begin(shared, empty, order))["form"] == "to_switch_on"
    with shared.services.db.reading() as connection:
        assert find_integration(connection, shared.globex_id) == before
    wait_for_checks(shared)


def test_phones_are_added_to_what_is_live_although_a_draft_of_another_okta_waits(shared: World, empty: Empty) -> None:
    begin(shared, empty, replace(BOTH, kinds=("spa",)))
    keep_okta(
        shared.services, shared.globex_id, Entries(shared.sandbox.client_id("spa"), shared.okta), sign_in="redirect",
        who="gus@globex.example", reference="",
    )  # fmt: skip
    run = begin(shared, empty, replace(BOTH, kinds=("native",)))
    assert outcomes(run)["form"] == "connected"
    with shared.services.db.reading() as connection:
        live = find_integration(connection, shared.globex_id)
    assert live is not None
    assert {kind: app.domain for kind, app in live.apps.items()} == {"spa": empty.okta, "native": empty.okta}
    wait_for_checks(shared)
