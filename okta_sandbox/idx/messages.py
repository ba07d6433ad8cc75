"""What Okta says to the person in an embedded sign-in: status, key, text, by names of our own."""

from okta_sandbox.directory import Json
from okta_sandbox.wire import Answer, Headers, send_json

VERSION = "1.0.0"
JSON_TYPE = f"application/json; okta-version={VERSION}"
ION_TYPE = f"application/ion+json; okta-version={VERSION}"
NOT_ALLOWED = "You are not allowed to access this app. To request access, contact an admin."
MESSAGES: dict[str, tuple[int, str, str]] = {
    "unknown_person": (401, "errors.E0000004", "Authentication failed"),
    "wrong_password": (401, "incorrectPassword", "Password is incorrect"),
    "wrong_code": (401, "api.authn.error.PASSCODE_INVALID", "Invalid code. Try again."),
    "not_assigned": (400, "idx.error.user.not.assigned.to.app", "User is not assigned to this application."),
    "user_not_assigned": (400, "idx.error.code.user_not_assigned", NOT_ALLOWED),
    "no_matching_policy": (400, "idx.error.code.no_matching_policy", NOT_ALLOWED),
    "session_expired": (401, "idx.session.expired", "The session has expired."),
    "access_denied": (403, "security.access_denied", "You do not have permission to perform the requested action."),
    "no_recovery": (403, "oie.selfservice.reset.password.not.allowed",
                    "Reset password is not allowed at this time. Please contact support for assistance."),
}


def describe_message(name: str) -> Json:
    _, key, text = MESSAGES[name]
    i18n: Json = {"key": key}
    if name == "wrong_code":
        i18n["params"] = []
    return {"type": "array", "value": [{"message": text, "i18n": i18n, "class": "ERROR"}]}


def send_idx(body: Json, status: int = 200, headers: Headers | None = None) -> Answer:
    """Errors too go out as JSON: Okta's own client takes an error in ion+json for an exception without a text."""
    answer = send_json(body, status)
    answer.headers = [("Content-Type", JSON_TYPE), ("Cache-Control", "no-cache, no-store"), *(headers or [])]
    return answer


class IdxError(Exception):
    """The end of a sign-in, without a step to go on with."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def answer(self) -> Answer:
        return send_idx({"version": VERSION, "messages": describe_message(self.name)}, MESSAGES[self.name][0])
