"""What Save asks an Okta, and that a custom domain counts only when the Okta behind it names it back.

A custom domain cannot stand on loopback, so the door here answers by address; the rest is proved against the sandbox in
`tests/web/test_integrations.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from portal.errors import Problem, Refused
from portal.okta.answer import Answer
from portal.okta.connect import Entries, EntriesRefused, FoundApp, Surroundings, connect
from tests.okta.scripted import CLIENT_ID, ISSUER, answer, metadata

CUSTOM, HOME = "https://id.volunteers.org", "https://acme.okta.com"
REDIRECT = "https://dash.pointapp.org/login/callback"
AROUND = Surroundings({"spa": REDIRECT, "native": "org.pointapp.point:/login"})
KNOWN = "/.well-known/okta-organization"


def organization(**links: Any) -> Answer:
    named = {name: {"href": href} for name, href in links.items()}
    return answer({"id": "00oAcme", "pipeline": "idx", "_links": named})


class Web:
    """A door to hosts that answer by address; what nobody answers for does not exist. `asked` -- every address."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    @contextmanager
    def within(self, seconds: float, name: str | None = None) -> Iterator[None]:
        yield

    def get(self, url: str, **_: Any) -> Answer:
        self.asked.append(url)
        found = self.answers.get(url.partition("?")[0])
        if found is None:
            raise Refused(Problem.OKTA_UNREACHABLE, "domain_unresolvable")
        return found

    def post_form(self, url: str, form: Mapping[str, str], **_: Any) -> Answer:
        return self.get(url)


def okta(base: str = HOME, **links: Any) -> dict[str, Answer]:
    """An Okta that knows the app and POINT's address in it."""
    back = answer(b"", 302, location=f"{REDIRECT}?state=x&error=login_required")
    return {
        base + KNOWN: organization(**links),
        f"{base}/.well-known/openid-configuration": answer(metadata(base)),
        f"{base}/oauth2/v1/authorize": back,
        f"{base}/oauth2/v1/token": answer({"error": "invalid_grant", "error_description": "expired"}, 400),
    }


def save(web: Web, domain: str = CUSTOM, **entries: str) -> FoundApp:
    return connect(web, Entries(CLIENT_ID, domain, **entries), AROUND)[0]


def refusal(web: Web, domain: str = CUSTOM) -> Problem:
    with pytest.raises(EntriesRefused) as caught:
        save(web, domain)
    assert caught.value.problems.keys() == {"spa_domain"}
    return caught.value.problems["spa_domain"].problem


def test_a_custom_domain_that_its_okta_names_back_leads_to_the_host_run_by_okta() -> None:
    web = Web({**okta(organization=HOME, alternate=CUSTOM), CUSTOM + KNOWN: organization(organization=HOME)})
    found = save(web)
    assert (found.issuer, found.domain) == (ISSUER, "acme.okta.com")
    assert [url for url in web.asked if url.startswith(CUSTOM)] == [CUSTOM + KNOWN]


@pytest.mark.parametrize(
    "alternate", [None, "https://id.other.org", "http://id.volunteers.org", CUSTOM + ".evil.org", CUSTOM + "/x", 1, ""]
)
def test_a_custom_domain_that_claims_somebody_elses_okta_is_refused(alternate: Any) -> None:
    links = {} if alternate is None else {"alternate": alternate}
    web = Web({**okta(organization=HOME, **links), CUSTOM + KNOWN: organization(organization=HOME)})
    assert refusal(web) is Problem.DOMAIN_NOT_OKTA
    assert all(url.endswith(KNOWN) for url in web.asked)


@pytest.mark.parametrize(
    "home", [None, CUSTOM, "https://evil.org", "https://acme.okta.com.evil.org", "http://acme.okta.com", "", 1,
             "https://acme.okta.com/oauth2/default", "https://evil.org\\.okta.com", "https://127.0.0.1"],
)  # fmt: skip
def test_a_custom_domain_has_to_name_a_host_run_by_okta(home: Any) -> None:
    links = {} if home is None else {"organization": home}
    everywhere = {**okta(CUSTOM, organization=CUSTOM, alternate=CUSTOM), CUSTOM + KNOWN: organization(**links)}
    web = Web(everywhere)
    assert refusal(web) is Problem.DOMAIN_NOT_OKTA
    assert web.asked == [CUSTOM + KNOWN]


@pytest.mark.parametrize(
    "said", [answer({}), answer([]), answer({"id": 1}), answer(b"<h1>hi"), answer({"id": "00o"}, 404), answer({}, 302)]
)
def test_what_does_not_answer_like_an_okta_is_none(said: Answer) -> None:
    for domain in (CUSTOM, HOME):
        assert refusal(Web({domain + KNOWN: said}), domain) is Problem.DOMAIN_NOT_OKTA


def test_a_domain_that_does_not_exist_is_said_to_be_so() -> None:
    assert refusal(Web({})) is Problem.DOMAIN_NOT_FOUND


def test_automatic_takes_the_org_server_and_the_next_only_when_it_does_not_work() -> None:
    both = {**okta(), **okta(f"{HOME}/oauth2/default")}
    both[f"{HOME}/oauth2/default/.well-known/openid-configuration"] = answer(metadata(f"{HOME}/oauth2/default"))
    both[f"{HOME}/oauth2/default/v1/authorize"] = both[f"{HOME}/oauth2/v1/authorize"]
    both[f"{HOME}/oauth2/default/v1/token"] = both[f"{HOME}/oauth2/v1/token"]
    assert save(Web(both), HOME).issuer == HOME
    assert save(Web(both), f"{HOME}/oauth2/default").issuer == f"{HOME}/oauth2/default"
    del both[f"{HOME}/.well-known/openid-configuration"]
    assert save(Web(both), HOME).issuer == f"{HOME}/oauth2/default"
