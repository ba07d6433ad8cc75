"""Two versions run side by side while one takes over from the other: what the newer writes breaks no page here."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from portal.subjects import find_subject
from tests.world import World

ACME = "/organizations/acme"
OKTA = ACME + "/integrations/okta"
TRIALS = (OKTA + "/test", OKTA + "/test/n1")
_TRIAL = (
    "INSERT INTO trial_logins (key_hash, name, organization_id, subject, app, fingerprint, created_by, status, stages, "
    "created_at, passed) VALUES (x'01', 'n1', 1, {subject}, {app}, 'f', 'o', {status}, {stages}, :now, {passed})"
)
_STAGE = '[{"id": "%s", "verdict": "%s", "problem": "newer", "reason": "", "rows": [], "at": 1, "newer": 1}]'
_RUN = (
    "INSERT INTO setup_runs (organization_id, domain, what, status, holder, choices, steps, made, started_by, "
    "started_at, beat_at) VALUES (1, 'x.okta.com', 'set_up', {status}, 'h', :choices, {steps}, '{{}}', 'o', :now, :now)"
)
_CHOICES = '{"kinds": [], "sign_in": "redirect", "authorization_server": "auto", "revoke": true}'


def trial(
    *, subject: str = "live", app: str = "spa", status: str = "done", stages: str = "[]", passed: int = 0
) -> str:
    quoted = {"subject": subject, "app": app, "status": status, "stages": stages.replace(":", "\\:")}
    return _TRIAL.format(**{name: f"'{value}'" for name, value in quoted.items()}, passed=passed)


def run(*, status: str = "done", step: str = "form", state: str = "done", outcome: str = "created") -> str:
    steps = f'[{{"id"\\: "{step}", "state"\\: "{state}", "outcome"\\: "{outcome}"}}]'
    return _RUN.format(status=f"'{status}'", steps=f"'{steps}'")


ROWS = {
    "a test login's status": (trial(status="newer"), TRIALS),
    "a test login's app": (trial(app="watch"), TRIALS),
    "a test login's app, begun": (trial(app="watch", stages=_STAGE % ("token", "wrong")), TRIALS),
    "a test login's subject": (trial(subject="newer"), TRIALS),
    "a stage's verdict": (trial(stages=_STAGE % ("token", "newer")), TRIALS),
    "a stage's problem": (trial(stages=_STAGE % ("token", "wrong")), TRIALS),
    "a stage": (trial(stages=_STAGE % ("newer", "wrong")), TRIALS),
    "a run's status": (run(status="newer"), (OKTA + "/setup",)),
    "a step's outcome": (run(outcome="newer"), (OKTA + "/setup",)),
    "a step's state": (run(state="newer"), (OKTA + "/setup",)),
    "a step": (run(step="newer"), (OKTA + "/setup",)),
    "a check": (
        "INSERT INTO check_runs (organization_id, subject, fingerprint, who, rows, okta_host, server_id, started_at, "
        "beat_at, finished_at) VALUES (1, 'live', :fingerprint, 'o', "
        "'[{\"step\"\\: \"newer\", \"verdict\"\\: \"newer\", \"cause\"\\: \"newer\", \"found\"\\: \"\", "
        "\"expected\"\\: \"\", \"at\"\\: 1}]', '', '', :now, :now, :now)",
        (OKTA + "/checks", OKTA + "/guide"),
    ),
    "an invitation's role": (
        "INSERT INTO invitations (organization_id, email, role, token_hash, invited_by, created_at, expires_at) "
        "VALUES (1, 'n@x.example', 'newer', x'01', 'o', :now, :now + 1000)",
        (ACME + "/members",),
    ),
    "a member's role": (
        "UPDATE members SET role = 'newer' WHERE user_id = 2",
        (ACME + "/members", ACME + "/members/2"),
    ),
    "a role of one's own": (
        "INSERT INTO members (organization_id, user_id, role, created_at) VALUES (2, 1, 'newer', :now)",
        ("/account/organizations",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_a_value_of_a_newer_version_breaks_no_page(shared: World, name: str) -> None:
    olivia = shared.olivia
    olivia.log_in_by_password()
    statement, pages = ROWS[name]
    with shared.services.db.writing() as connection:
        subject = find_subject(connection, shared.acme_id)
        assert subject is not None
        values = {"now": shared.services.now(), "choices": _CHOICES, "fingerprint": subject.fingerprint}
        known = {key: value for key, value in values.items() if f":{key}" in statement.replace("\\:", "")}
        connection.execute(text(statement), known)
    assert {page: olivia.step(page).status_code for page in pages} == dict.fromkeys(pages, 200)
