"""The pages before Okta: the e-mail address first, the password step, an organization's own page, and Okta's tile."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.needs import forget_tries
from tests.web.steps import connect
from tests.world import POINT_PASSWORD, Visitor, World


@pytest.fixture(autouse=True)
def no_tries_yet() -> None:
    forget_tries()


def enter(visitor: Visitor, email: str, next_: str = "") -> requests.Response:
    page = visitor.get("/login", params={"next": next_} if next_ else {})
    return visitor.submit(page, email=email)


def query_of(response: requests.Response) -> dict[str, list[str]]:
    return parse_qs(urlsplit(response.headers["Location"]).query)


def test_an_address_of_a_connected_organization_leads_to_its_okta(quiet: World) -> None:
    page = enter(quiet.alice, "Alice@ACME.example", "/account")
    link = quiet.alice.page(page).find("a", class_="button button-primary").attributes["href"]
    assert link == "/login/acme/okta?login_hint=Alice%40ACME.example&next=%2Faccount"
    assert quiet.alice.page(page).find("meta", http_equiv="refresh").attributes["content"] == f"0;url={link}"
    okta = quiet.alice.get(link)
    assert okta.url.startswith(quiet.okta)
    assert "Alice@ACME.example" in okta.text


@pytest.mark.parametrize("email", ["nobody@globex.example", "nobody@nowhere.example", "gus@nowhere.example"])
def test_an_unknown_address_gets_the_very_page_of_a_known_one(quiet: World, email: str) -> None:
    known, unknown = enter(quiet.gus, "gus@globex.example"), enter(quiet.gus, email)
    assert known.status_code == unknown.status_code == 200
    assert known.text.replace("gus@globex.example", "X") == unknown.text.replace(email, "X")
    for name in ("Date", "X-Request-Id", "Content-Length"):
        del known.headers[name], unknown.headers[name]
    assert known.headers == unknown.headers
    assert quiet.gus.page(known).find("input", name="password")


@pytest.mark.parametrize("email", ["gus@globex.example", "nobody@globex.example", "nobody@nowhere.example"])
def test_a_wrong_password_is_told_the_same_way_to_everybody(quiet: World, email: str) -> None:
    visitor = quiet.person(email)
    page = visitor.submit(enter(visitor, email), password="wrong password")
    assert page.status_code == 422
    assert "do not fit together" in visitor.page(page).problem_at("password")
    assert "wrong password" not in page.text
    mine = quiet.gus
    known = mine.submit(enter(mine, "gus@globex.example"), password="wrong password")
    assert page.text.replace(email, "X") == known.text.replace("gus@globex.example", "X")


@pytest.mark.parametrize(
    "email", ["", "alice", "alice@", "@acme.example", "a@b@acme.example", "a b@acme", "x" * 300 + "@a.example"]
)
def test_what_is_no_address_is_said_beside_the_field(quiet: World, email: str) -> None:
    visitor = quiet.stranger
    page = enter(visitor, email)
    assert page.status_code == 422
    assert "e-mail address" in visitor.page(page).problem_at("email")
    assert visitor.page(page).find("input", name="email").attributes.get("value", "") == email


def test_the_password_step_lands_on_the_page_that_was_asked_for(quiet: World) -> None:
    gus = quiet.gus
    target = "/organizations/globex/integrations/okta?saved=no"
    asked = gus.get(target)
    assert urlsplit(asked.url).path == "/login"
    landing = gus.submit(gus.submit(asked, email=gus.email), password=POINT_PASSWORD)
    assert landing.url == quiet.base + target
    assert gus.session()["method"] == "password"


def test_somebody_who_is_logged_in_does_not_log_in_again(quiet: World) -> None:
    gus = quiet.gus
    gus.log_in_by_password()
    assert gus.get("/login", params={"next": "/account"}).url == quiet.base + "/account"
    assert gus.get("/login/globex").url == quiet.base + "/"
    assert gus.get("/login/acme").url == quiet.base + "/login/acme"


def test_a_connected_organizations_page_shows_okta_and_a_way_to_a_password(quiet: World) -> None:
    page = quiet.stranger.page(quiet.stranger.get("/login/acme?next=/account"))
    assert page.find("a", href="/login/acme/okta?next=%2Faccount").text == "Log in with Okta"
    assert "password" in page.find("summary").text
    form = page.form_with("email", "password", "next")
    assert (form.action, form.method, form.fields["next"]) == ("/login/acme", "post", "/account")
    assert "Log in" in form.buttons


def test_the_password_on_an_organizations_page_logs_in_there(quiet: World) -> None:
    adam = quiet.person("adam@acme.example")
    landing = adam.submit(adam.get("/login/acme?next=/account"), email=adam.email, password=POINT_PASSWORD)
    assert landing.url == quiet.base + "/account"
    assert adam.session()["organization"] == "acme"


def test_a_password_logs_in_only_where_one_is_a_member(quiet: World) -> None:
    gus = quiet.gus
    page = gus.submit(gus.get("/login/acme"), email=gus.email, password=POINT_PASSWORD)
    assert page.status_code == 422
    assert "do not fit together" in gus.page(page).problem_at("password")
    assert gus.page(page).find("details").attributes.get("open") is not None
    assert not gus.session()["authenticated"]


def test_an_organization_without_okta_shows_only_the_password(quiet: World) -> None:
    page = quiet.stranger.page(quiet.stranger.get("/login/globex"))
    assert page.form_with("email", "password")
    assert "Okta" not in page.text


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/login/nowhere", 404, "do not know this organization"),
        ("/login/nowhere/okta", 404, "do not know this organization"),
        ("/login/globex/okta", 404, "does not use Okta"),
        ("/login/initiate", 404, "do not know this Okta"),
        ("/login/initiate?iss=https://evil.example", 404, "do not know this Okta"),
        ("/login/callback", 400, "not started here"),
        ("/login/callback?code=x&state=y", 400, "not started here"),
        ("/login/callback?error=access_denied&state=y", 400, "not started here"),
        ("/login/link", 400, "took too long"),
    ],
)
def test_a_dead_end_says_what_happened_and_the_way_on(quiet: World, path: str, status: int, words: str) -> None:
    answer = quiet.stranger.get(path)
    page = quiet.stranger.page(answer)
    assert answer.status_code == status
    assert words in page.text
    assert "Reference" in page.text
    assert page.find("a", href="/")


def test_start_sends_what_okta_needs_and_nothing_else(quiet: World) -> None:
    answer = quiet.stranger.step(
        "/login/acme/okta?login_hint=a@acme.example&next=/account&prompt=none&scope=admin&client_id=x"
    )
    query = query_of(answer)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(quiet.okta + "/oauth2/v1/authorize?")
    assert all(len(values) == 1 for values in query.values())
    assert query["client_id"] == [quiet.sandbox.client_id("spa")]
    assert query["redirect_uri"] == [quiet.base + "/login/callback"]
    assert query["scope"] == ["openid profile email offline_access"]
    assert (query["response_type"], query["code_challenge_method"]) == (["code"], ["S256"])
    assert query["login_hint"] == ["a@acme.example"]
    assert query.keys() == {
        "client_id", "redirect_uri", "scope", "response_type", "response_mode", "state", "nonce", "code_challenge",
        "code_challenge_method", "login_hint",
    }  # fmt: skip


def test_every_start_is_new(quiet: World) -> None:
    starts = [query_of(quiet.stranger.step("/login/acme/okta")) for _ in range(5)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({start[name][0] for start in starts}) == 5
        assert all(len(start[name][0]) >= 43 for start in starts)


def test_a_hint_that_is_no_address_is_not_passed_on(quiet: World) -> None:
    for hint in ("x", "a@acme.example&prompt=none", "<script>", "a" * 300):
        answer = quiet.stranger.step("/login/acme/okta", params={"login_hint": hint})
        assert "login_hint" not in query_of(answer)


def test_oktas_tile_starts_a_normal_login_at_a_known_issuer(quiet: World) -> None:
    alice = quiet.alice
    page = alice.get(
        "/login/initiate",
        params={"iss": quiet.okta, "login_hint": alice.email, "target_link_uri": quiet.base + "/account"},
    )
    assert page.url.startswith(quiet.okta)
    assert alice.email in page.text
    assert alice.follow(alice.sign_in_at_okta(page)).url == quiet.base + "/account"


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "{base}.evil.example/account", "{base}@evil.example/account", "{base}",
     "{base}//evil.example", "javascript:alert(1)", "/logout", "{base}/login/callback?code=x", "{base}/no-such-page"],
)  # fmt: skip
def test_a_target_that_is_not_ours_ends_at_home(quiet: World, target: str) -> None:
    params = {"iss": quiet.okta, "target_link_uri": target.format(base=quiet.base)}
    location = quiet.stranger.step("/login/initiate", params=params).headers["Location"]
    assert location.removesuffix("?") == "/login/acme/okta"


@pytest.mark.parametrize("iss", ["{okta}/", "{okta}/oauth2/default", "{OKTA}", "{okta}.evil.example", "{okta} "])
def test_an_issuer_counts_only_to_the_letter(quiet: World, iss: str) -> None:
    asked = iss.format(okta=quiet.okta, OKTA=quiet.okta.upper())
    assert quiet.stranger.step("/login/initiate", params={"iss": asked}).status_code == 404


def test_session_says_nobody_to_nobody(quiet: World) -> None:
    answer = quiet.stranger.step("/session")
    assert (answer.status_code, answer.json()) == (200, {"authenticated": False})
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("cookie", ["", "x", "a" * 5000, "\x7f", "../../etc", "%00"])
def test_an_invented_session_cookie_is_nobody(quiet: World, cookie: str) -> None:
    answer = requests.get(quiet.base + "/session", headers={"Cookie": f"point_session={cookie}"}, timeout=5)
    assert answer.json() == {"authenticated": False}


def test_odd_cookies_beside_or_instead_of_a_session_s_are_no_bug_and_make_nobody_else_of_anybody(world: World) -> None:
    """Cookie tossing and cookies that no browser sends: whoever comes is the session's person or nobody."""
    gus, others = world.gus, set()
    for _ in range(3):
        gus.log_in_by_password()
        others.add(gus.http.cookies["point_session"])
    mine = gus.http.cookies["point_session"]
    assert len(others) == 3
    assert all(len(each) >= 43 for each in others)
    for cookie in (
        f"point_session=x; point_session={mine}", f"point_session={mine}; point_session=x", f"=point_session={mine}",
        f"point_session={mine}" + "; a=b" * 500, f"point_session={'a' * 8000}", "point_session=\xff\xfe",
        f'point_session="{mine}"', f"POINT_SESSION={mine}", "point_session", ";;;", f"point_session={mine}; =; ==x",
    ):  # fmt: skip
        answer = requests.get(world.base + "/session", headers={"Cookie": cookie.encode("latin-1")}, timeout=5)
        assert answer.status_code in (200, 400, 431), cookie
        if answer.status_code == 200:
            assert answer.json().get("email") in (None, "gus@globex.example"), cookie
        page = requests.get(world.base + "/login", headers={"Cookie": cookie.encode("latin-1")}, timeout=5)
        assert page.status_code in (200, 400, 431), cookie


def test_a_new_login_ends_the_session_that_the_browser_had(world: World) -> None:
    visitor = world.gus
    visitor.log_in_by_password()
    old = visitor.http.cookies["point_session"]
    visitor.email = "alice@acme.example"
    visitor.log_in()
    assert visitor.session()["email"] == "alice@acme.example"
    again = requests.get(world.base + "/session", headers={"Cookie": f"point_session={old}"}, timeout=5)
    assert again.json() == {"authenticated": False}


def test_a_session_ends_after_hours_of_silence_and_moves_on_with_use(world: World) -> None:
    alice = world.alice
    alice.log_in()
    first = alice.session()["expires_at"]
    world.clock.forward(3600)
    alice.session()
    assert 3590 <= alice.session()["expires_at"] - first <= 3610
    world.clock.forward(12 * 3600 + 1)
    assert alice.session() == {"authenticated": False}


def test_next_is_remembered_through_every_step_by_okta(world: World) -> None:
    alice = world.alice
    asked = alice.get("/account?tab=2")
    assert urlsplit(asked.url).path == "/login"
    page = alice.submit(asked, email=alice.email)
    okta = alice.get(alice.page(page).find("a", class_="button button-primary").attributes["href"])
    assert alice.follow(alice.sign_in_at_okta(okta)).url == world.base + "/account?tab=2"


def test_a_tile_of_an_okta_that_two_organizations_entered_goes_by_the_address(world: World) -> None:
    """Globex has entered Acme's public client id and domain as its own, and was there first."""
    world.app.test_cli_runner().invoke(args=["okta", "delete", "acme"])
    connect(world, world.globex_id, world.sandbox, world.okta)
    world.connect()
    hinted = {"iss": world.okta, "login_hint": "alice@acme.example"}
    assert world.stranger.step("/login/initiate", params=hinted).headers["Location"].startswith("/login/acme/okta?")
    unknown = world.stranger.step("/login/initiate", params={"iss": world.okta})
    assert unknown.headers["Location"] == "/login"
