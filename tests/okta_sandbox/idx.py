"""An app's own sign-in page without the page: the Interaction Code flow step by step, or in one call."""

from typing import Any

import requests

from tests.okta_sandbox.party import CHALLENGE, PASSWORD, REDIRECT, SCOPES

Json = dict[str, Any]
JSON_TYPE = "application/json; okta-version=1.0.0"
ION_TYPE = "application/ion+json; okta-version=1.0.0"


def find_action(answer: Json, name: str) -> Json:
    """The remediation of that name; a KeyError names those there are."""
    actions = {action["name"]: action for action in answer.get("remediation", {}).get("value", [])}
    if name not in actions:
        raise KeyError(f"{name} is not among {sorted(actions)}: {answer.get('messages')}")
    found: Json = actions[name]
    return found


def read_code(answer: Json) -> str:
    """The interaction code of a sign-in that has come to its end."""
    if "successWithInteractionCode" not in answer:
        raise AssertionError(f"no interaction code: {answer}")
    fields = {field["name"]: field.get("value") for field in answer["successWithInteractionCode"]["value"]}
    return str(fields["interaction_code"])


class Embedded:
    """One embedded sign-in. `server` is "default", another authorization server's id, or "" for the org's own."""

    def __init__(self, url: str, client_id: str, redirect_uri: str = REDIRECT, *, server: str = "default",
                 origin: str = "") -> None:
        self.url = url
        self.endpoints = f"{url}/oauth2/{server}/v1" if server else f"{url}/oauth2/v1"
        self.interaction: Json = {
            "client_id": client_id, "redirect_uri": redirect_uri, "scope": SCOPES, "state": "state-1",
            "nonce": "nonce-1", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        }
        self.headers = {"Origin": origin} if origin else {}
        self.timeout = 5.0
        self.interaction_handle = ""
        self.state_handle = ""

    def send(self, url: str, headers: dict[str, str], **content: Any) -> requests.Response:
        with requests.Session() as http:
            http.trust_env = False
            return http.post(url, headers={**self.headers, **headers}, timeout=self.timeout, **content)

    def interact(self, **changes: Any) -> requests.Response:
        """A change to None leaves a parameter out."""
        answer = self.send(f"{self.endpoints}/interact", {"Accept": "application/json"},
                           data=self.interaction | changes)
        if answer.headers.get("Content-Type") == "application/json":
            self.interaction_handle = answer.json().get("interaction_handle", "")
        return answer

    def post(self, path: str, body: Json, content_type: str = JSON_TYPE) -> requests.Response:
        headers = {"Content-Type": content_type, "Accept": content_type}
        answer = self.send(f"{self.url}/idp/idx/{path}", headers, json=body)
        if "json" in answer.headers.get("Content-Type", ""):
            self.state_handle = answer.json().get("stateHandle", self.state_handle)
        return answer

    def introspect(self) -> requests.Response:
        return self.post("introspect", {"interactionHandle": self.interaction_handle}, ION_TYPE)

    def begin(self, **changes: Any) -> Json:
        answer = self.interact(**changes)
        assert answer.status_code == 200, answer.text
        begun: Json = self.introspect().json()
        return begun

    def step(self, path: str, **body: Any) -> requests.Response:
        return self.post(path, {"stateHandle": self.state_handle, **body})

    def identify(self, person: str) -> requests.Response:
        return self.step("identify", identifier=person)

    def answer(self, passcode: str) -> requests.Response:
        """To whatever is asked for: a password, or the code from an e-mail."""
        return self.step("challenge/answer", credentials={"passcode": passcode})

    def choose_email(self, answer: Json) -> requests.Response:
        option = find_action(answer, "select-authenticator-authenticate")["value"][0]["options"][0]
        fields = {field["name"]: field["value"] for field in option["value"]["form"]["value"]}
        return self.step("challenge", authenticator=fields)

    def read_mail(self) -> Json:
        """The newest e-mail, from the sandbox's own page."""
        mails = requests.get(f"{self.url}/sandbox/mails", timeout=self.timeout).json()
        newest: Json = mails[-1]
        return newest

    def sign_in(self, person: str, password: str = PASSWORD, **changes: Any) -> Json:
        """From interact to the last answer; a code that is asked for on the way is read from the mailbox."""
        self.begin(**changes)
        self.identify(person)
        answer: Json = self.answer(password).json()
        if "successWithInteractionCode" not in answer:
            self.choose_email(answer)
            answer = self.answer(self.read_mail()["code"]).json()
        return answer


def interaction_code_for(sandbox_url: str, client_id: str, redirect_uri: str, state: str, nonce: str,
                         code_challenge: str, person: str, password: str = PASSWORD, *, server: str = "default",
                         scopes: str = SCOPES) -> str:
    """What Okta's widget brings back for an app that has its own state, nonce and verifier: the interaction code."""
    page = Embedded(sandbox_url, client_id, redirect_uri, server=server)
    return read_code(page.sign_in(person, password, state=state, nonce=nonce, code_challenge=code_challenge,
                                  scope=scopes))
