"""What has changed in an organization's Okta since it was last looked at: written into the activity, mailed to owners.

A step turned wrong when it was right before for the same settings. What could not be told counts as no change, and
what was never right has not turned. Knows no Flask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from portal.check_texts import explain, labels_of, spell, title_of, where_to_change
from portal.mail import is_address, queue_mail
from portal.services import Services
from portal.store.activity import record_event
from portal.store.check_runs import CheckRun
from portal.store.check_watches import Watched, find_watched, list_owners, save_watched
from portal.store.organizations import find_organization, find_slug
from portal.subjects import find_subject

WATCH = "maintenance"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Changes:
    """The rows of the steps that turned wrong and of those that are right again, and what is remembered from now on."""

    turned_wrong: tuple[Row, ...]
    right_again: tuple[Row, ...]
    watched: Watched


def compare(before: Watched, fingerprint: str, rows: Iterable[Row], *, now: int, mailed: bool) -> Changes:
    """What these rows change in what is remembered. mailed -- the owners are told of what turned wrong."""
    known = {row["step"]: row for row in rows if row["verdict"] in ("right", "wrong")}
    if before.fingerprint != fingerprint:
        # Other settings: what was right for the old ones says nothing, and what is not asked any more is forgotten.
        kept = {step: told for step, told in before.wrong.items() if step in known}
        before = Watched(fingerprint, frozenset(), kept)
    right = {step for step, row in known.items() if row["verdict"] == "right"}
    turned = [row for step, row in known.items() if step not in right and step in before.right]
    mended = [row for step, row in known.items() if step in right and step in before.wrong]
    wrong = {step: told for step, told in before.wrong.items() if step not in right}
    for row in turned:
        wrong[row["step"]] = {"at": now, "cause": row["cause"], "found": row["found"], "mailed": mailed}
    after = replace(before, right=(before.right | right) - set(wrong), wrong=wrong)
    return Changes(tuple(turned), tuple(mended), after)


def note_changes(
    services: Services, organization_id: int, connection: Connection, run: CheckRun, *, seen_by: str = ""
) -> Changes | None:
    """Remembers what `run` found about the live settings, in the activity and for the next time.

    Every owner gets at most one mail of what turned wrong, and those who got that one of what is right again. With
    `seen_by` that owner looks at the run: nobody is mailed that something is wrong, and the others that it is right
    again. None where the run says nothing about what is live now.
    """
    live = find_subject(connection, organization_id, "live") if run.subject == "live" else None
    if live is None or live.fingerprint != run.fingerprint:
        return None
    before, now = find_watched(connection, organization_id, lock=True), services.now()
    changes = compare(before, run.fingerprint, run.rows, now=now, mailed=not seen_by)
    for what, rows in (("turned_wrong", changes.turned_wrong), ("right_again", changes.right_again)):
        for row in rows:
            about = {name: row[name] for name in ("step", "cause", "found") if row[name]}
            record_event(
                connection, organization_id, who=seen_by or WATCH, what=f"okta.check_{what}", now=now, reference="",
                about=about,
            )  # fmt: skip
    save_watched(connection, organization_id, changes.watched, now=now)
    told = [row for row in changes.right_again if before.wrong[row["step"]]["mailed"]]
    _mail(services, connection, organization_id, "check_turned_wrong", () if seen_by else changes.turned_wrong)
    _mail(services, connection, organization_id, "check_right_again", told, but=seen_by)
    return changes


def _mail(
    services: Services, connection: Connection, organization_id: int, kind: str, rows: Iterable[Row], but: str = ""
) -> None:
    """One mail with all of `rows` to each owner but that one."""
    steps = [_texts(row) for row in rows]
    organization = find_organization(connection, find_slug(connection, organization_id)) if steps else None
    if organization is None:
        return
    link = f"{services.settings.base_url}/organizations/{organization.slug}/integrations/okta/checks?subject=live"
    values: dict[str, Any] = {"organization": organization.name, "steps": steps, "link": link}
    for owner in list_owners(connection, organization_id):
        if owner != but and is_address(owner):
            queue_mail(services, connection, to=owner, kind=kind, organization_id=organization_id, **values)


def _texts(row: Row) -> dict[str, Any]:
    """A step for a mail: texts for the catalogue, and what was found, which is Okta's."""
    step = row["step"]
    said = {"title": title_of(step), "said": explain(step, row["verdict"], row["cause"]), "labels": labels_of(step)}
    found = {name: spell(step, row[name]) for name in ("found", "expected")}
    return {**said, **found, "where": where_to_change(step)}
