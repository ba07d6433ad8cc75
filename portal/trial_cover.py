"""Whose claims a test login shows to the owners of an organization: not those of another organization's people.

Domain and Client ID of an Okta are no secrets, so that anybody can enter them as a draft and send a link to somebody
who is signed in there. Until it is known whose they are, everybody's claims are covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from portal.services import Services
from portal.store.neighbours import is_domain_elsewhere, is_live_elsewhere
from portal.store.organizations import email_domain
from portal.store.trial_logins import Trial
from portal.trial_claims import PERSONAL
from portal.trial_groups import GROUPS
from portal.trial_stages import Row, Stage, Word, say

_STAGES = ("id_token", "userinfo", "admission", "groups")
UNTIL_KNOWN, WITHHELD = say("until_known"), say("withheld")


def belongs_elsewhere(services: Services, trial: Trial, client_id: str, stages: Sequence[Stage]) -> bool:
    """Whether these stages are about somebody whom another organization answers for; whoever asked for the test login
    may always see themselves."""
    emails = {row.received.lower() for row in _personal(stages) if row.name == "email" and row.received}
    if emails == {trial.created_by.lower()}:
        return False
    names = {name for name in map(email_domain, emails) if name}
    with services.db.reading() as connection:
        return is_live_elsewhere(connection, trial.organization_id, client_id) or is_domain_elsewhere(
            connection, trial.organization_id, names
        )


def cover(stages: Sequence[Stage], word: Word) -> list[Stage]:
    """The same with `word` in the place of everything that is said about the person; verdicts stay."""
    return [
        replace(stage, rows=tuple(_cover(row, word) if _is_personal(row) else row for row in stage.rows))
        if stage.id in _STAGES
        else stage
        for stage in stages
    ]


def _personal(stages: Sequence[Stage]) -> list[Row]:
    return [row for stage in stages if stage.id in _STAGES for row in stage.rows if _is_personal(row)]


def _is_personal(row: Row) -> bool:
    return row.name in PERSONAL or row.name.startswith(GROUPS)


def _cover(row: Row, word: Word) -> Row:
    """What is expected may be one of the person's values too, unless it is a word of ours."""
    expected = row.expected if row.expected.startswith("~") else ""
    return replace(row, received=word, expected=expected)
