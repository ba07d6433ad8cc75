"""Test logins on the web: everything is tried, nothing is changed, and what is wrong is found where it is."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import text

from okta_sandbox.faults import CLAIM_FAULTS
from portal.store.drafts import save_draft
from portal.store.integrations import App
from portal.store.trial_logins import claim_trial, find_passed, list_trials
from portal.subjects import find_subject
from portal.trial_claims import PERSONAL
from portal.trial_stages import DECIDING
from portal.web.browsers import _hash
from tests.native_bridge.steps import delete_okta
from tests.needs import forget_tries
from tests.pages import Page
from tests.web.steps import add_person, change_answer, change_query, count_rows, query_of
from tests.web.test_logs import heard, log
from tests.web.trial_steps import TEST, Made, come_back, make, press, run, sign_in, way_to_okta
from tests.world import Stage, World, make_world

__all__ = ["log"]

ALL = ("metadata", "authorize", "callback", "token", "keys", "id_token", "userinfo", "admission", "refresh", "logout")


@pytest.fixture
def world(shared: World) -> World:
    forget_tries()
    return shared


def test_with_right_settings_everything_is_right_and_nothing_is_changed(world: World) -> None:
    made = make(world)
    before, session = count_rows(world), made.owner.session()
    trial = run(world.alice, made)
    assert made.verdicts == dict.fromkeys(ALL, "right")
    assert (trial.passed, trial.email) == (True, "alice@acme.example")
    assert count_rows(world) == before
    assert made.owner.session() == session
    assert "Logging in with these settings works" in made.text()


def test_the_page_shows_the_stages_before_anybody_begins_and_the_link_that_is_stored_nowhere(world: World) -> None:
    made = make(world)
    assert made.verdicts == {}
    text = made.text()
    assert "Still to come" in text
    assert made.link.rpartition("/")[2] not in str(made.trial)


FAULTS = {
    "metadata": [
        "discovery_500", "discovery_html", "discovery_half", "discovery_list", "discovery_redirect",
        "discovery_issuer_mismatch", "discovery_foreign_token_endpoint",
    ],
    "callback": ["authorize_error_server_error", "offline_access_refused"],
    "token": [
        "no_id_token", "no_access_token", "token_type_mac", "token_500", "token_html", "token_half", "token_redirect",
        "token_200_error",
    ],
    "keys": ["unknown_kid", "no_kid", "keys_500", "keys_html", "keys_half", "keys_empty", "keys_without_kid"],
    "id_token": [
        "wrong_nonce", "missing_nonce", "wrong_issuer", "missing_issuer", "wrong_audience", "missing_audience",
        "extra_audience", "wrong_azp", "missing_sub", "missing_iat", "missing_exp", "expired_id_token",
        "stale_id_token", "future_id_token", "wrong_at_hash", "bad_signature", "alg_none", "hs256",
    ],
    "userinfo": ["userinfo_wrong_sub", "userinfo_500", "userinfo_html", "userinfo_half", "userinfo_signed_jwt"],
    "admission": ["no_email_anywhere", "email_not_verified"],
}  # fmt: skip
# Okta does these as well, or they do no harm.
HARMLESS = [
    "audience_as_array", "missing_at_hash", "no_email", "token_no_expires_in", "token_no_scope",
    "token_type_inverted_case", "token_scope_reduced", "rotate_before_signing", "keys_single",
]  # fmt: skip


def test_every_fault_of_an_id_token_is_in_the_tables() -> None:
    assert set(CLAIM_FAULTS) <= {name for names in FAULTS.values() for name in names} | set(HARMLESS)


@pytest.mark.parametrize(("where", "fault"), [(where, name) for where, names in FAULTS.items() for name in names])
def test_a_fault_is_found_at_its_stage_and_nowhere_else(world: World, where: str, fault: str) -> None:
    made, alice = make(world), world.alice
    at_the_door = where in ("metadata", "callback")
    if at_the_door:
        world.sandbox.fault(fault)
    pressed = press(alice, made)
    if where != "metadata":
        location = sign_in(alice, pressed)
        if not at_the_door:
            world.sandbox.fault(fault)
        assert alice.step(location).status_code == 303
    trial = made.wait()
    assert trial.passed is False
    assert [name for name, verdict in made.verdicts.items() if verdict == "wrong"] == [where]
    assert "<b>" in stage_on(made, where), "no repair"
    assert count_rows(world)["sessions"] == 1


@pytest.mark.parametrize("fault", HARMLESS)
def test_what_does_no_harm_to_a_login_does_none_to_a_test_login(world: World, fault: str) -> None:
    made, alice = make(world), world.alice
    location = come_back(alice, made)
    world.sandbox.fault(fault)
    alice.step(location)
    assert made.wait().passed is True
    # A token with its audience in a list is as good, but the sandbox's own sign-out does not read it.
    assert {made.verdicts[name] for name in DECIDING} == {"right"}


@pytest.mark.parametrize("fault", ["refresh_wrong_sub", "refresh_wrong_issuer", "refresh_invalid_grant"])
def test_a_refresh_that_fails_is_found_and_the_login_has_passed_all_the_same(world: World, fault: str) -> None:
    made, alice = make(world), world.alice
    location = come_back(alice, made)
    world.sandbox.fault(fault)
    alice.step(location)
    assert made.wait().passed is True
    assert [name for name, verdict in made.verdicts.items() if verdict != "right"] == ["refresh"]


@pytest.mark.parametrize(("fault", "said"), [("", "Okta rotates it"), ("refresh_no_new_token", "does not rotate it")])
def test_it_says_whether_okta_rotates_refresh_tokens(world: World, fault: str, said: str) -> None:
    made, alice = make(world), world.alice
    location = come_back(alice, made)
    if fault:
        world.sandbox.fault(fault)
    alice.step(location)
    made.wait()
    assert said in stage_on(made, "refresh")


# -- what Okta says no to ----------------------------------------------------------------------------------------------


def test_somebody_who_is_not_assigned_is_found_with_a_link_to_the_assignments(world: World) -> None:
    made, ben = make(world), world.person("ben@acme.example")
    run(ben, made)
    stage = made.stages["callback"]
    assert (stage.verdict, stage.problem) == ("wrong", "login_not_assigned")
    shown = stage_on(made, "callback")
    assert "Assign this person" in shown
    assert f'href="{world.okta}/sandbox#people"' in shown
    page = ben.get(made.link)
    assert "Okta does not let you into POINT yet" in page.text
    assert made.trial.reference in page.text


def test_an_access_policy_without_a_rule_is_found(world: World) -> None:
    world.connect(authorization_server="default")
    made, alice = make(world), world.alice
    pressed = press(alice, made)
    world.sandbox.servers["default"].policies.clear()
    alice.step(sign_in(alice, pressed))
    made.wait()
    assert made.stages["callback"].problem == "login_policy"
    assert "access policy" in stage_on(made, "callback")


@pytest.mark.parametrize(
    ("error", "description", "problem"),
    [
        ("access_denied", "The resource owner or authorization server denied the request.", "login_cancelled"),
        ("invalid_scope", "One or more scopes are not configured.", "okta_misconfigured"),
        ("interaction_required", "More to do.", "login_required_at_okta"),
        ("server_error", "<script>canary</script>", "okta_error"),
    ],
)
def test_what_okta_answers_instead_of_a_code_ends_it_with_our_words(
    world: World, error: str, description: str, problem: str
) -> None:
    made, alice = make(world), world.alice
    location = change_query(come_back(alice, made), code=None, error=error, error_description=description)
    alice.step(location)
    made.wait()
    assert (made.stages["callback"].verdict, made.stages["callback"].problem) == ("wrong", problem)
    assert "canary" not in made.owner.get(made.page).text
    assert len(world.requests_to("/token")) == 1, "only the question with a code that does not exist"


@pytest.mark.parametrize("missing", ["redirect_uri", "client"])
def test_what_would_end_on_okta_s_own_page_is_found_before_anybody_goes_there(world: World, missing: str) -> None:
    made = make(world)
    app = world.sandbox.app(world.sandbox.client_id("spa"))
    if missing == "redirect_uri":
        app.oauth["redirect_uris"][:] = [world.base + "/login/callback/"]
    else:
        app.json["status"] = "INACTIVE"
    answer = press(world.alice, made)
    assert answer.status_code == 303
    wrong = "authorize" if missing == "redirect_uri" else "metadata"
    assert [name for name, verdict in made.verdicts.items() if verdict == "wrong"] == [wrong]
    assert made.trial.passed is False
    if missing == "redirect_uri":
        assert f"{world.base}/login/callback</code>" in stage_on(made, "authorize")


def test_somebody_outside_the_verified_domains_is_told_from_somebody_who_would_get_in(world: World) -> None:
    add_person(world.sandbox, "dora@elsewhere.example", "Dora")
    before = count_rows(world)
    made = make(world)
    before["sessions"] += 1
    run(world.person("dora@elsewhere.example"), made)
    assert made.stages["admission"].problem == "email_outside"
    assert made.trial.passed is False
    assert count_rows(world) == before


# -- who may end it ----------------------------------------------------------------------------------------------------


def test_another_browser_s_return_changes_nothing(world: World) -> None:
    made, alice = make(world), world.alice
    location = come_back(alice, made)
    for foreign in (world.stranger, made.owner):
        answer = foreign.step(location)
        assert (answer.status_code, made.trial.status) == (400, "started")
    assert alice.step(location).status_code == 303
    assert made.wait().passed is True


@pytest.mark.parametrize("query", ["error=access_denied&state=trial-" + "x" * 44, "code=1&state=trial-" + "x" * 44])
def test_a_stranger_s_link_ends_nobody_s_test_login(world: World, query: str) -> None:
    made, alice = make(world), world.alice
    location = come_back(alice, made)
    assert alice.step(f"/login/callback?{query}").status_code == 400
    assert made.trial.status == "started"
    alice.step(location)
    assert made.wait().passed is True


@pytest.mark.parametrize("change", ["&state=x", "&error=access_denied", "%zz"])
def test_an_answer_that_cannot_be_read_leaves_it_as_it_is(world: World, change: str) -> None:
    made, alice = make(world), world.alice
    location = come_back(alice, made)
    assert alice.step(location + change).status_code == 400
    assert made.trial.status == "started"
    alice.step(location)
    assert made.wait().passed is True


def test_a_return_counts_once_and_says_the_same_to_everybody_after_that(world: World) -> None:
    made, alice = make(world), world.alice
    location = come_back(alice, made)
    asked = len(world.requests_to("/token"))
    first, second = alice.step(location), alice.step(location)
    made.wait()
    third = alice.step(location)
    assert first.headers["Location"] == second.headers["Location"] == third.headers["Location"]
    codes = [each for each in world.requests_to("/token")[asked:] if "code" in each.form]
    assert len(codes) == 1


def test_whoever_takes_too_long_is_told_so(world: World) -> None:
    made, alice = make(world), world.alice
    location = come_back(alice, made)
    world.clock.forward(world.settings.attempt_seconds + 1)
    alice.step(location)
    made.wait()
    assert (made.stages["callback"].problem, made.trial.passed) == ("attempt_expired", False)


def test_what_was_left_in_the_middle_by_a_process_that_ended_says_so(world: World) -> None:
    made, alice = make(world), world.alice
    location = come_back(alice, made)
    state_hash = made.trial.state_hash
    with world.services.db.writing() as connection:
        assert claim_trial(connection, made.trial.key_hash, state_hash=state_hash, now=world.services.now())
    assert "Just a moment" in alice.get(alice.step(location).headers["Location"]).text
    assert "Being checked" in made.text()
    world.clock.forward(61)
    assert "Was cut off" in made.text()
    assert "It does not work yet" in alice.get(made.link).text


def test_a_second_press_that_okta_would_not_take_ends_it_with_the_reason(world: World) -> None:
    made, alice = make(world), world.alice
    press(alice, made)
    world.sandbox.app(world.sandbox.client_id("spa")).oauth["redirect_uris"].clear()
    page = alice.follow(press(alice, made))
    assert "Okta does not know where to send people back" in page.text
    assert made.trial.passed is False


def test_two_returns_at_the_same_time_are_one(world: World) -> None:
    made, alice = make(world), world.alice
    location = come_back(alice, made)
    asked = len(world.requests_to("/token"))
    answers: list[int] = []
    threads = [Thread(target=lambda: answers.append(alice.step(location).status_code)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == [303] * 6
    assert made.wait().passed is True
    assert len([each for each in world.requests_to("/token")[asked:] if "code" in each.form]) == 1


def test_pressing_twice_goes_on_with_the_second_way_to_okta(world: World) -> None:
    made, alice = make(world), world.alice
    first, second = come_back(alice, made), come_back(alice, made)
    assert alice.step(first).status_code == 400
    assert alice.step(second).status_code == 303
    assert made.wait().passed is True


def test_nobody_s_claims_are_taken_by_opening_the_link(world: World) -> None:
    alice = world.alice
    alice.log_in()
    made = make(world)
    page = alice.get(made.link)
    assert page.status_code == 200
    assert "Acme Volunteers" in page.text
    assert "will be shown to the owners and admins of Acme Volunteers" in page.text
    assert "olivia@acme.example" in page.text
    assert made.trial.status == "created"
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert alice.step(made.link, method="POST", headers=headers).status_code == 403
    assert made.trial.status == "created"


def test_somebody_who_is_known_at_okta_may_sign_in_as_somebody_else(world: World) -> None:
    alice = world.alice
    alice.log_in()
    made = make(world)
    address = way_to_okta(press(alice, made, button="Sign in as somebody else"))
    assert "prompt=login" in address
    assert "identifier" in alice.step(address).text


# -- how long a link is good -------------------------------------------------------------------------------------------


def test_a_link_is_good_for_an_hour(world: World) -> None:
    made = make(world)
    # Seconds pass by themselves, too.
    world.clock.forward(3580)
    assert world.stranger.get(made.link).status_code == 200
    world.clock.forward(21)
    assert world.stranger.get(made.link).status_code == 404
    assert world.stranger.step(made.link, method="POST").status_code == 404
    assert "Nobody came back" in made.text()


@pytest.mark.parametrize("key", ["x", "é", "x" * 43, "x" * 300])
def test_an_invented_link_is_none(world: World, key: str) -> None:
    answer = world.stranger.get(f"/test-login/{key}")
    assert answer.status_code == 404
    assert "This link to a test login is over" in answer.text


@pytest.mark.parametrize("how", ["deleted", "other settings"])
def test_it_ends_with_the_settings_that_it_tries(world: World, how: str) -> None:
    made, alice = make(world), world.alice
    location = come_back(alice, made)
    asked = len(world.requests_to("/token"))
    if how == "deleted":
        delete_okta(world)
    else:
        world.connect(authorization_server="default")
    assert world.stranger.get(made.link).status_code == 404
    alice.step(location)
    made.wait()
    assert made.stages["callback"].problem == "settings_changed"
    assert len(world.requests_to("/token")) == asked, "its code goes nowhere"


def test_saving_the_same_settings_again_ends_nothing(world: World) -> None:
    made, alice = make(world), world.alice
    location = come_back(alice, made)
    world.connect()
    alice.step(location)
    assert made.wait().passed is True


def test_a_draft_is_tried_and_stays_good_when_it_is_switched_on(world: World) -> None:
    delete_okta(world)
    save_draft_of(world)
    made = make(world)
    assert "the draft" in made.text().lower()
    assert run(world.alice, made).passed is True
    world.connect()
    with world.services.db.reading() as connection:
        live = find_subject(connection, world.acme_id, "live")
        assert find_passed(connection, world.acme_id, fingerprint=live.fingerprint) is not None


def test_a_draft_whose_okta_could_not_be_asked_says_what_to_mend(world: World) -> None:
    delete_okta(world)
    save_draft_of(world, kinds=())
    olivia = world.olivia
    olivia.log_in_by_password()
    page = olivia.get(TEST)
    assert "There is nothing to test yet" in page.text
    assert "/integrations/okta/checks" in page.text
    assert not [form for form in Page(page.text).forms if "app" in form.fields]


def test_without_settings_there_is_nothing_to_press_and_a_form_from_before_says_so(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    page = olivia.get(TEST)
    delete_okta(world)
    answer = olivia.submit(page, app="native")
    assert answer.status_code == 409
    assert "There is nothing to test yet" in answer.text


def test_there_are_at_most_twenty_an_hour_and_ten_ways_to_okta_from_each(stage: Stage, tmp_path: Path) -> None:
    with make_world(stage, tmp_path) as world:
        made, alice = make(world), world.alice
        for wanted in [200] * 10 + [429]:
            assert alice.step(made.link, method="POST").status_code == wanted
        for wanted in [303] * 19 + [429]:
            answer = made.owner.step(TEST, method="POST", data={"app": "spa"})
            assert answer.status_code == wanted
        assert "Too many tries" in answer.text


# -- signing out -------------------------------------------------------------------------------------------------------


def test_signing_out_at_okta_comes_back_to_the_test_login(world: World) -> None:
    made, alice = make(world), world.alice
    run(alice, made)
    page = alice.get(made.link)
    assert "It works" in page.text
    assert "alice@acme.example" in page.text
    leading = alice.submit(page, button="Finish: sign out at Okta", follow=False)
    assert world.sandbox.sessions != []
    back = alice.follow(alice.step(way_to_okta(leading)))
    assert back.url.startswith(made.link)
    assert "You are signed out at Okta." in back.text
    assert world.sandbox.sessions == []
    assert made.stages["logout"].reason == "came_back"
    assert "Somebody signed out at Okta and was sent back here." in stage_on(made, "logout")


def test_only_the_browser_that_signed_in_may_sign_out(world: World) -> None:
    made = make(world)
    run(world.alice, made)
    page = world.stranger.get(made.link)
    assert "It works" in page.text
    assert "alice@acme.example" not in page.text
    assert "Finish" not in page.text
    answer = world.stranger.step(made.link + "/sign-out", method="POST")
    assert answer.status_code == 303
    assert made.stages["logout"].reason == ""


def test_a_missing_sign_out_uri_is_found_without_anybody_s_signing_out(world: World) -> None:
    world.sandbox.app(world.sandbox.client_id("spa")).oauth["post_logout_redirect_uris"].clear()
    made, alice = make(world), world.alice
    assert run(alice, made).passed is True
    assert made.stages["logout"].reason == "sign_out_uri_missing"
    assert f"{world.base}</code>" in stage_on(made, "logout")
    assert world.sandbox.sessions != []
    assert "Finish" not in alice.get(made.link).text


def test_a_sign_out_state_that_nobody_knows_is_just_the_home_page(world: World) -> None:
    answer = world.stranger.get("/?state=trial-" + "x" * 44)
    assert answer.status_code == 200
    assert "Welcome to POINT" in answer.text


# -- what others may see -----------------------------------------------------------------------------------------------


def test_carol_of_another_organization_finds_none_of_it(world: World) -> None:
    made, gus = make(world), world.gus
    gus.log_in_by_password()
    for path in (TEST, made.page, made.page + "/progress"):
        assert gus.step(path).status_code == 404
    own = made.page.replace("/acme/", "/globex/")
    assert gus.step(own).status_code == 404
    assert gus.step(own + "/progress").status_code == 404


def test_an_admin_may_run_one_and_a_volunteer_may_not(world: World) -> None:
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    assert run(world.alice, make(world, adam)).passed is True
    alice = world.alice
    alice.log_in()
    assert alice.step(TEST).status_code == 403
    assert alice.step(TEST, method="POST", data={"app": "spa"}).status_code == 403


def test_the_list_says_when_by_whom_and_how_they_ended(world: World) -> None:
    made = make(world)
    assert "None yet" not in Page(made.owner.get(TEST).text).text
    run(world.person("ben@acme.example"), made)
    run(world.alice, make(world, made.owner))
    shown = Page(made.owner.get(TEST).text).text
    for said in ("Passed", "Ended at: The way back", "Asked for by olivia@acme.example", "alice@acme.example"):
        assert said in shown
    with world.services.db.reading() as connection:
        assert len(list_trials(connection, world.acme_id)) == 2
    assert [event.about for event in world.activity() if event.what == "okta.tested"] == [
        {"app": "spa", "passed": True},
        {"app": "spa", "passed": False, "stage": "callback", "reason": "op_access_denied"},
    ]


# -- whose claims they are ---------------------------------------------------------------------------------------------


def of_globex(world: World) -> Made:
    """Gus drafts Acme's Okta, whose domain and Client IDs are no secret, and makes a link."""
    gus, page = world.gus, "/organizations/globex/integrations/okta"
    gus.log_in_by_password()
    entered = {"spa_client_id": world.sandbox.client_id("spa"), "spa_domain": world.okta, "action": "draft"}
    gus.step(page, method="POST", data=entered)
    made = make(world, gus, page=f"{page}/test")
    return replace(made, organization_id=world.globex_id)


def shown_of(made: Made) -> str:
    """Everything that the owner gets to see and that is kept of it."""
    listed = made.owner.get(made.page.rpartition("/")[0]).text
    return " ".join([made.text(), made.trial.stages, str(made.trial.email), listed])


@pytest.mark.parametrize("why", ["the app is live there", "the domain is theirs"])
def test_what_okta_says_about_another_organization_s_people_is_not_shown(world: World, why: str) -> None:
    address = "pat@mail.example" if why == "the app is live there" else "pat@acme.example"
    pat, person = world.person(address), add_person(world.sandbox, address, "Patricia")
    if why == "the domain is theirs":
        delete_okta(world)
    made = of_globex(world)
    run(pat, made)
    shown = shown_of(made)
    for value in (address, address.partition("@")[2], person.id, "Patricia"):
        assert value not in shown
    assert made.verdicts["id_token"] == made.verdicts["userinfo"] == "right"
    assert "another organization at POINT logs in with this app, or has verified the domain" in shown


def test_an_outsider_s_claims_are_shown_where_nobody_else_answers_for_them(world: World) -> None:
    add_person(world.sandbox, "pat@mail.example", "Patricia")
    delete_okta(world)
    made = of_globex(world)
    run(world.person("pat@mail.example"), made)
    assert "pat@mail.example" in shown_of(made)


def test_claims_are_covered_until_it_is_known_whose_they_are(world: World) -> None:
    made = make(world)
    seen: list[str] = []
    world.sandbox.answer = lambda request: seen.append(made.trial.stages) if request.path.endswith("/revoke") else None
    run(world.alice, made)
    [while_it_ran] = seen
    assert "~until_known" in while_it_ran
    assert "alice@acme.example" not in while_it_ran
    assert "alice@acme.example" in made.trial.stages


def test_whoever_asked_sees_what_okta_says_about_themselves(world: World) -> None:
    made = of_globex(world)
    add_person(world.sandbox, "gus@globex.example", "Gus")
    run(made.owner, made)
    assert "gus@globex.example" in made.trial.stages
    assert "~withheld" not in made.trial.stages


def test_the_start_page_names_everything_that_is_shown(world: World) -> None:
    made = make(world)
    said = Page(world.alice.get(made.link).text).text
    names = {
        "sub": "user ID at Okta", "auth_time": "when you last signed in", "email": "e-mail address",
        "email_verified": "whether it is verified", "name": "your name", "groups": "your groups",
        "domain": "e-mail address", "account": "whether you are a member already",
    }  # fmt: skip
    assert set(names) == PERSONAL
    for words in names.values():
        assert words in said


# -- what counts for "Okta only" ---------------------------------------------------------------------------------------


def test_a_test_login_by_the_owner_in_their_own_browser_is_told_from_all_others(world: World) -> None:
    made = make(world)
    session = made.owner.session()
    # The owner's own browser has a session at Okta as well.
    run(made.owner, made)
    assert made.owner.session() == session
    world.clock.forward(1)
    run(world.alice, make(world, made.owner))
    browser = _hash(made.owner.http.cookies["point_browser"])
    with world.services.db.reading() as connection:
        fingerprint = find_subject(connection, world.acme_id).fingerprint
        olivia = made.trial.user_id

        def passed(**wanted: object) -> str | None:
            found = find_passed(connection, world.acme_id, fingerprint=fingerprint, **wanted)
            return found.email if found else None

        assert passed() == "alice@acme.example"
        assert passed(user_id=olivia, browser_hash=browser) == "olivia@acme.example"
        assert passed(user_id=olivia) == "olivia@acme.example"
        assert passed(user_id=olivia, browser_hash=b"x" * 32) is None
        assert passed(user_id=(olivia or 0) + 1, browser_hash=browser) is None
        assert passed(since=world.services.now() + 1) is None
        assert passed(app="native") is None
        assert find_passed(connection, world.globex_id, fingerprint=fingerprint) is None


# -- what is left behind -----------------------------------------------------------------------------------------------


def test_nothing_secret_is_stored_logged_or_shown_and_okta_has_its_tokens_back(
    world: World, log: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    made, alice = make(world), world.alice
    answers: list[str] = []
    change_answer(world.sandbox, "/token", lambda document: answers.extend(map(str, document.values())))
    location = come_back(alice, made)
    alice.step(location)
    made.wait()
    shown = made.owner.get(made.page).text + alice.get(made.link).text + str(world.activity())
    secrets = {f"token {number}": value for number, value in enumerate(answers) if len(value) > 40 and " " not in value}
    assert len(secrets) >= 6, "two answers with three tokens"
    secrets |= {name: query_of(location)[name] for name in ("code", "state")}
    secrets |= {"key": made.link.rpartition("/")[2]}
    for request in world.requests_to("/token"):
        verifier = request.form.get("code_verifier", [""])[0]
        secrets |= {f"verifier {id(request)}": verifier} if verifier else {}
    for request in world.requests_to("/authorize"):
        secrets |= {f"nonce {id(request)}": request.query["nonce"][0]}
    leading = alice.submit(alice.get(made.link), button="Finish: sign out at Okta", follow=False)
    alice.follow(alice.step(way_to_okta(leading)))
    database = Path(world.settings.database_url.removeprefix("sqlite:///"))
    stored = b"".join(each.read_bytes() for each in database.parent.glob(f"{database.name}*"))
    written = log.getvalue() + heard(caplog)
    assert b"alice@acme.example" in stored
    for name, secret in secrets.items():
        assert secret.encode() not in stored, name
        assert secret.encode()[9:30] not in stored, name
        assert secret not in written, name
        assert name == "key" or secret[:24] not in shown, name
    trial = made.trial
    assert (trial.sealed_attempt, trial.sealed_tokens) == (None, None)
    grants = world.sandbox.grants
    assert all(sign_in.dead for sign_in in grants.sign_ins.values())
    assert all(token.revoked for token in grants.access_tokens.values())


@pytest.mark.parametrize("fault", ["wrong_nonce", "userinfo_500", "refresh_wrong_sub", "no_email_anywhere"])
def test_okta_has_its_tokens_back_wherever_it_ends(world: World, fault: str) -> None:
    made, alice = make(world), world.alice
    location = come_back(alice, made)
    world.sandbox.fault(fault)
    alice.step(location)
    made.wait()
    assert [each for each in world.sandbox.grants.access_tokens.values() if not each.revoked] == []


def test_what_is_sealed_is_forgotten_after_minutes_and_the_rest_after_a_month(world: World) -> None:
    made, begun = make(world), make(world)
    run(world.alice, made)
    press(world.alice, begun)
    assert made.trial.sealed_tokens is not None
    assert begun.trial.sealed_attempt is not None
    world.clock.forward(world.settings.attempt_seconds + 1)
    assert "Finish" not in world.alice.get(made.link).text
    assert world.app.test_cli_runner().invoke(args=["maintenance"]).exit_code == 0
    assert made.trial.sealed_tokens is None
    assert begun.trial.sealed_attempt is None
    world.clock.forward(30 * 86400)
    world.app.test_cli_runner().invoke(args=["maintenance"])
    with world.services.db.reading() as connection:
        assert list_trials(connection, world.acme_id) == []


def test_ordinary_logins_never_look_for_a_test_login(world: World) -> None:
    """They do not even need the table."""
    with world.services.db.writing() as connection:
        connection.execute(text("DROP TABLE trial_logins"))
    alice = world.alice
    assert alice.log_in().status_code == 200
    assert alice.session()["email"] == "alice@acme.example"
    assert alice.step("/login/callback?code=1&state=" + "x" * 44).status_code == 303
    alice.step("/logout", method="POST")
    assert alice.get("/?state=" + "x" * 22).status_code == 200


def save_draft_of(world: World, kinds: tuple[str, ...] = ("spa", "native")) -> None:
    """What Save leaves when the owner does not switch it on."""
    entries = {"authorization_server": "org", "sign_in": "redirect"}
    for kind in ("spa", "native"):
        entries |= {f"{kind}_client_id": world.sandbox.client_id(kind), f"{kind}_domain": world.okta}
    scope = "openid profile email offline_access"
    apps = [App(kind, world.sandbox.client_id(kind), world.okta, world.okta, scope) for kind in kinds]
    with world.services.db.writing() as connection:
        save_draft(
            connection, world.acme_id, entries=entries, apps=apps, problems={}, who="olivia@acme.example",
            now=world.services.now(),
        )  # fmt: skip


def stage_on(made: Made, name: str) -> str:
    """The stage on the owner's page."""
    return made.owner.get(made.page).text.partition(f'id="stage-{name}"')[2].partition("</li>")[0]
