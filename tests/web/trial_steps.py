"""Steps of test logins that several files share: the owner's side, the tester's side, and what is then to be seen."""

from __future__ import annotations

import time
from dataclasses import dataclass

import requests

from portal.store.trial_logins import Trial, find_trial_by_name
from portal.trial_stages import Stage, read_stages
from tests.pages import Page
from tests.world import Visitor, World

TEST = "/organizations/acme/integrations/okta/test"


@dataclass
class Made:
    """A test login as its owner sees it."""

    world: World
    owner: Visitor
    page: str
    link: str
    organization_id: int | None = None

    @property
    def name(self) -> str:
        return self.page.rpartition("/")[2]

    @property
    def trial(self) -> Trial:
        with self.world.services.db.reading() as connection:
            found = find_trial_by_name(connection, self.organization_id or self.world.acme_id, self.name)
        assert found is not None
        return found

    @property
    def stages(self) -> dict[str, Stage]:
        return {stage.id: stage for stage in read_stages(self.trial.stages)}

    @property
    def verdicts(self) -> dict[str, str]:
        return {name: stage.verdict for name, stage in self.stages.items()}

    def wait(self) -> Trial:
        """Until it is over."""
        patience = time.monotonic() + 40
        while (trial := self.trial).status != "done":
            assert time.monotonic() < patience, trial.status
            time.sleep(0.02)
        return trial

    def text(self) -> str:
        return Page(self.owner.get(self.page).text).text


def make(world: World, owner: Visitor | None = None, app: str = "spa", page: str = TEST) -> Made:
    """An owner asks for a test login."""
    if owner is None:
        owner = world.olivia
        owner.log_in_by_password()
    index = owner.get(page)
    answer = owner.submit(index, app=app, follow=False)
    assert answer.status_code == 303, answer.text
    page = answer.headers["Location"]
    shown = Page(owner.get(page).text)
    [link] = [each.text for each in shown.elements if each.tag == "code" and "/test-login/" in each.text]
    return Made(world, owner, page, link)


def press(visitor: Visitor, made: Made, button: str = "Begin the test at Okta") -> requests.Response:
    """Opens the link and presses the button; answers what comes of it, not followed."""
    page = visitor.get(made.link)
    return visitor.submit(page, button=button, follow=False)


def way_to_okta(page: requests.Response) -> str:
    """Where the page between leads to."""
    refresh = Page(page.text).find("meta", http_equiv="refresh").attributes["content"]
    return refresh.partition("url=")[2]


def come_back(visitor: Visitor, made: Made, button: str = "Begin the test at Okta") -> str:
    """Presses, signs in at Okta, and answers where Okta leads to."""
    return sign_in(visitor, press(visitor, made, button))


def sign_in(visitor: Visitor, pressed: requests.Response) -> str:
    """From the page between to Okta; answers where Okta leads to."""
    begun = visitor.step(way_to_okta(pressed))
    answer = visitor.sign_in_at_okta(begun) if "identifier" in begun.text else begun
    return answer.headers["Location"]


def run(visitor: Visitor, made: Made) -> Trial:
    """The whole test login on the web."""
    answer = visitor.step(come_back(visitor, made))
    assert answer.status_code == 303, answer.text
    return made.wait()
