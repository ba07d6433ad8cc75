"""What the Save button and `flask okta save` do alike: ask that Okta, then store, in one piece.

What Okta takes goes live at once. What it does not take yet is kept as a draft beside what is live, for checks and test
logins to look at. What is no client ID or domain at all is kept nowhere.
"""

from __future__ import annotations

import re
from dataclasses import asdict

from sqlalchemy import Connection

from portal.errors import Problem, Refused
from portal.giving_back import give_back_after
from portal.okta.connect import Entries, EntriesRefused, FoundApp, Surroundings, believe, connect
from portal.services import Services
from portal.store.activity import record_event
from portal.store.drafts import Draft, drop_draft, find_draft, save_draft
from portal.store.integration_versions import Version
from portal.store.integrations import App, Integration, hold_integration, is_moved, save_integration
from portal.store.okta_only import ask_again
from portal.subjects import entries_of, fingerprint, form_of, read_form

# Undoing Delete Integration is "okta.restored".
_EVENTS = {"saved": "okta.saved", "switched_on": "okta.switched_on", "restored": "okta.version_restored"}
_STAMP = re.compile(r"([0-9]{1,8})(?:-([0-9a-f]{16}))?")


def surroundings(services: Services) -> Surroundings:
    """Where this portal wants people sent back, and what it takes for an Okta."""
    settings = services.settings
    return Surroundings(
        redirect_uris={"spa": settings.redirect_uri, "native": f"{settings.native_scheme}:/login"},
        loopback=settings.loopback_okta,
        extra_suffixes=settings.okta_domains,
    )


def save_okta(
    services: Services,
    organization_id: int,
    entries: Entries,
    *,
    sign_in: str,
    who: str,
    reference: str,
    check: bool = True,
    expected_version: int | None = None,
    expected_draft: str | None = None,
    what: str = "saved",
) -> Integration:
    """Connects the organization and throws the draft away. Nothing goes live unless that Okta would let a login begin
    (or `check` is False).

    expected_draft -- the stamp of the draft that the owner has seen, "" for none; what -- as for `save_integration`.
    Raises EntriesRefused, after keeping what is `readable` as a draft (`kept`; not what is live already), and
    Refused(CONFLICT) when somebody else has saved since `expected_version` or `expected_draft`.
    """
    try:
        found = connect(services.door, entries, surroundings(services), check=check)
    except EntriesRefused as refused:
        expected = (expected_version, expected_draft)
        refused.kept = refused.readable and _keep(
            services, organization_id, entries, sign_in, refused, who, reference, expected
        )
        raise
    for app in found:
        services.providers.forget(app.issuer)
    now = services.now()
    with services.db.writing() as connection:
        live = _hold(connection, organization_id, (expected_version, expected_draft))
        apps = [_stored(app) for app in found]
        saved = save_integration(
            connection,
            organization_id,
            saved_apps=apps,
            authorization_server=entries.authorization_server,
            sign_in=sign_in,
            checked=check,
            who=who,
            now=now,
            expected_version=expected_version,
            what=what,
        )
        give_back_after(services, connection)
        drop_draft(connection, organization_id)
        about = {app.kind: [app.client_id, app.issuer] for app in found}
        record_event(
            connection, organization_id, who=who, what=_EVENTS[what], now=now, reference=reference, about=about
        )
        # Nobody knows whether another web app, or another Okta, lets an owner in.
        if live is not None and is_moved(live, apps, "spa") and ask_again(connection, organization_id, now=now):
            record_event(
                connection, organization_id, who=who, what="okta_only.to_confirm", now=now, reference=reference
            )
    return saved


def keep_okta(
    services: Services,
    organization_id: int,
    entries: Entries,
    *,
    sign_in: str,
    who: str,
    reference: str,
    expected_version: int | None = None,
    expected_draft: str | None = None,
) -> bool:
    """Stores a draft, after the same questions to that Okta, and switches nothing on; that Okta does not take it yet is
    kept with it. False when it says the same as what is live: then there is no draft.

    Raises EntriesRefused for what cannot be read, which is kept nowhere, and Refused(CONFLICT) as `save_okta` does.
    """
    try:
        asked = EntriesRefused({}, found=connect(services.door, entries, surroundings(services)))
    except EntriesRefused as refused:
        if not refused.readable:
            raise
        asked = refused
    expected = (expected_version, expected_draft)
    return _keep(services, organization_id, entries, sign_in, asked, who, reference, expected)


def switch_on(
    services: Services,
    organization_id: int,
    *,
    who: str,
    reference: str,
    expected_version: int | None,
    expected_draft: str | None,
) -> Integration:
    """Makes the draft what people log in with, if that Okta takes it now.

    Raises Refused(CONFLICT) when there is none any more, and as `save_okta` does; the draft then stays, with what is
    wrong with it.
    """
    with services.db.reading() as connection:
        draft = find_draft(connection, organization_id)
    if draft is None:
        raise Refused(Problem.CONFLICT, "draft_gone")
    entries, sign_in = read_form(draft.entries)
    return save_okta(
        services,
        organization_id,
        entries,
        sign_in=sign_in,
        who=who,
        reference=reference,
        expected_version=expected_version,
        expected_draft=expected_draft,
        what="switched_on",
    )


def restore_version(
    services: Services,
    organization_id: int,
    version: Version | None,
    *,
    who: str,
    reference: str,
    expected_version: int | None,
    expected_draft: str | None,
) -> Integration:
    """Makes the settings of `version` what people log in with again, if that Okta takes them now.

    Raises Refused(NOT_FOUND) for None, and as `save_okta` does: what Okta does not take any more is a draft then.
    """
    if version is None:
        raise Refused(Problem.NOT_FOUND, "version_unknown")
    entries, sign_in = read_form(form_of(version.settings))
    return save_okta(
        services,
        organization_id,
        entries,
        sign_in=sign_in,
        who=who,
        reference=reference,
        expected_version=expected_version,
        expected_draft=expected_draft,
        what="restored",
    )


def throw_away_draft(
    services: Services,
    organization_id: int,
    *,
    who: str,
    reference: str,
    expected_version: int | None,
    expected_draft: str | None,
) -> None:
    """Forgets the draft; there may be none. Raises Refused(CONFLICT) when it is another one than the owner has seen."""
    with services.db.writing() as connection:
        if find_draft(connection, organization_id) is None:
            return
        _hold(connection, organization_id, (expected_version, expected_draft))
        drop_draft(connection, organization_id)
        record_event(
            connection, organization_id, who=who, what="okta.draft_dropped", now=services.now(), reference=reference
        )


def stamp_of(live: Integration | None, draft: Draft | None) -> str:
    """What a page says that it was made from: the live version, and the draft where there is one."""
    version = str(live.version if live else 0)
    return f"{version}-{draft.stamp}" if draft else version


def read_stamp(text: str) -> tuple[int | None, str | None]:
    """`expected_version` and `expected_draft` of such a page; None for what says neither."""
    found = _STAMP.fullmatch(text)
    return (int(found[1]), found[2] or "") if found else (None, None)


def _keep(
    services: Services,
    organization_id: int,
    entries: Entries,
    sign_in: str,
    asked: EntriesRefused,
    who: str,
    reference: str,
    expected: tuple[int | None, str | None],
) -> bool:
    now = services.now()
    problems = {field: refused.problem.code for field, refused in asked.problems.items()}
    apps = [_stored(app) for app in believe(entries, surroundings(services), asked.found)]
    with services.db.writing() as connection:
        live = _hold(connection, organization_id, expected)
        if live is not None and fingerprint(entries, sign_in) == fingerprint(entries_of(live), live.sign_in):
            drop_draft(connection, organization_id)
            return False
        typed = {**asdict(entries), "sign_in": sign_in}
        save_draft(connection, organization_id, entries=typed, apps=apps, problems=problems, who=who, now=now)
        record_event(
            connection, organization_id, who=who, what="okta.draft_kept", now=now, reference=reference, about=problems
        )
    return True


def _hold(
    connection: Connection, organization_id: int, expected: tuple[int | None, str | None]
) -> Integration | None:
    """What is live; neither that nor the draft changes before this transaction ends. Raises Refused(CONFLICT)."""
    expected_version, expected_draft = expected
    live = hold_integration(connection, organization_id, expected_version=expected_version)
    if expected_draft is not None:
        draft = find_draft(connection, organization_id)
        if expected_draft != (draft.stamp if draft else ""):
            raise Refused(Problem.CONFLICT, "integration_draft")
    return live


def _stored(app: FoundApp) -> App:
    return App(app.kind, app.client_id, app.domain, app.issuer, app.scope)
