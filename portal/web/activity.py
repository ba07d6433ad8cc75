"""Organization > Activity: what happened, what is looked for among it, two charts, and all of it as a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from babel.dates import format_date
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.current import services
from portal.services import Services
from portal.store.activity_days import DAY, Count, count_days, is_behind, settle_days, total
from portal.store.activity_search import PAGE, FoundEvent, Place, Wanted, search_events
from portal.store.integrations import App, find_integration
from portal.web.activity_repairs import EXPLAINED, explain_refusal, name_cause
from portal.web.activity_texts import GROUPS, describe, details, explain
from portal.web.charts import draw_days
from portal.web.guards import demand_viewer, member
from portal.web.render import language, render, show_time

pages = Blueprint("activity", __name__, url_prefix="/organizations/<slug>/activity")
CHART_DAYS = 30
MOST_ROWS = 100_000  # of a CSV file; whoever has more narrows it down by days
_REFERENCE = re.compile(r"[2-9A-HJ-NP-Z]{4}-?[2-9A-HJ-NP-Z]{4}")
_PLACE = re.compile(r"(\d{1,12})-(\d{1,18})")
_COUNTED = ("login", "login.joined", "login.refused")


@pages.get("")
@member("activity.view")
def index(slug: str) -> ResponseReturnValue:
    """The newest events, or those that are looked for."""
    organization_id = demand_viewer().session.organization_id
    asked = _read_form()
    wanted, unclear = _wanted(asked)
    with services().db.reading() as connection:
        # One more than is shown tells whether there is another page.
        found = search_events(connection, organization_id, wanted, after=_after(), limit=PAGE + 1)
        live = find_integration(connection, organization_id) if _has_refusals(found) else None
        charts = None if _is_search(asked) or _after() else _charts(connection, organization_id)
    if charts is not None and charts.behind:
        _settle(services(), organization_id)
    shown = [_show(event, live.apps if live else {}, slug) for event in found[:PAGE]]
    last = found[PAGE - 1].place if len(found) > PAGE else None
    page = render(
        "pages/activity/index.html",
        asked=asked,
        groups=[(key, gettext(label)) for key, (label, _whats) in GROUPS.items()],
        unclear=unclear,
        events=shown,
        searching=_is_search(asked),
        older=_query(asked, after=f"{last.at}-{last.id}") if last else "",
        newest=_query(asked) if _after() else "",
        file=_query(asked),
        charts=charts,
    )
    return page, 422 if unclear else 200


@pages.get("/activity.csv")
@member("activity.view")
def file(slug: str) -> ResponseReturnValue:
    """The same events as a file for a spreadsheet."""
    organization_id = demand_viewer().session.organization_id
    wanted, _unclear = _wanted(_read_form())
    answer = Response(_lines(services(), organization_id, wanted), mimetype="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{slug}-activity.csv"'
    return answer


def _read_form() -> dict[str, str]:
    names = ("kind", "who", "reference", "from", "to")
    return {name: request.args.get(name, "").replace("\0", "").strip()[:254] for name in names}


def _is_search(asked: dict[str, str]) -> bool:
    return any(asked.values())


def _wanted(asked: dict[str, str]) -> tuple[Wanted, dict[str, str]]:
    """What the form means, and a sentence for each field that means nothing."""
    unclear = {}
    whats = GROUPS[asked["kind"]][1] if asked["kind"] in GROUPS else ()
    reference = asked["reference"].upper()
    if reference and not _REFERENCE.fullmatch(reference):
        unclear["reference"] = gettext("A reference looks like AB2C-D3EF. It stands on the error page.")
    if reference and "-" not in reference:
        reference = f"{reference[:4]}-{reference[4:]}"
    bounds: dict[str, int | None] = {"from": None, "to": None}
    for name in bounds:
        try:
            day = date.fromisoformat(asked[name]) if asked[name] else None
        except ValueError:
            unclear[name] = gettext("Enter a day as year-month-day, for example 2026-11-26.")
            continue
        if day is not None:
            later = timedelta(days=1 if name == "to" and day < date.max else 0)
            bounds[name] = int(datetime.combine(day + later, datetime.min.time(), UTC).timestamp())
    return Wanted(whats, asked["who"].lower(), reference, bounds["from"], bounds["to"]), unclear


def _after() -> Place | None:
    place = _PLACE.fullmatch(request.args.get("after", ""))
    return Place(int(place[1]), int(place[2])) if place else None


def _query(asked: dict[str, str], **more: str) -> str:
    return urlencode({name: value for name, value in {**asked, **more}.items() if value})


def _has_refusals(events: list[FoundEvent]) -> bool:
    return any(event.what in EXPLAINED for event in events)


def _show(event: FoundEvent, apps: dict[str, App], slug: str) -> SimpleNamespace:
    refusal = explain_refusal(event.about, apps, slug=slug) if event.what in EXPLAINED else None
    return SimpleNamespace(
        at=show_time(event.place.at),
        machine_at=datetime.fromtimestamp(event.place.at, UTC).isoformat(),
        text=describe(event.what, event.about),
        who=event.who,
        device=str(event.about.get("device", "")),
        reference=event.reference,
        refused=event.what == "login.refused",
        refusal=refusal,
        said="" if refusal else explain(event.about),
        details=[*details(event.about), *([(gettext("Reference"), event.reference)] if event.reference else [])],
    )


def _charts(connection: Any, organization_id: int) -> SimpleNamespace:
    """Logins and refusals of the last days, and the refusals by cause."""
    now = services().now()
    today = now // DAY
    first = today - CHART_DAYS + 1
    if is_behind(connection, organization_id, now=now):
        return SimpleNamespace(behind=True)
    counts = count_days(connection, organization_id, _COUNTED, since_day=first)
    days = range(first, today + 1)
    good, bad = _by_day(counts, days, ok=True), _by_day(counts, days, ok=False)
    labels = [format_date(date(1970, 1, 1) + timedelta(day), "d MMM", locale=language()) for day in days]
    causes = {cause: times for (what, cause), times in total(counts).items() if what == "login.refused"}
    ranked = sorted(causes.items(), key=lambda each: (-each[1], each[0]))
    return SimpleNamespace(
        behind=False,
        days=draw_days((good, bad), labels, every=7),
        rows=[row for row in zip(labels, good, bad, strict=True) if row[1] or row[2]],
        logins=sum(good),
        refusals=sum(bad),
        causes=[(name_cause(cause), times, round(times / ranked[0][1] * 100, 1)) for cause, times in ranked],
    )


def _by_day(counts: list[Count], days: range, *, ok: bool) -> list[int]:
    sums = dict.fromkeys(days, 0)
    for count in counts:
        if (count.what != "login.refused") == ok and count.day in sums:
            sums[count.day] += count.times
    return list(sums.values())


def _settle(ours: Services, organization_id: int) -> None:
    """Counts the past in the background; the next look at the page finds it counted."""

    def work() -> None:
        with ours.db.writing() as connection:
            settle_days(connection, organization_id, now=ours.now())

    ours.background.queue("settle-activity", work)


def _lines(ours: Services, organization_id: int, wanted: Wanted) -> Iterator[str]:
    yield _csv_line(["time (UTC)", "event", "who", "reference", "details"])
    after: Place | None = None
    sent = 0
    while sent < MOST_ROWS:
        with ours.db.reading() as connection:
            events = search_events(connection, organization_id, wanted, after=after, limit=1000)
        for event in events:
            at = datetime.fromtimestamp(event.place.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
            more = "; ".join(f"{name}: {value}" for name, value in details(event.about))
            yield _csv_line([at, event.what, event.who, event.reference, more])
        if len(events) < 1000:
            return
        sent += len(events)
        after = events[-1].place


def _csv_line(values: list[str]) -> str:
    line = io.StringIO()
    # A spreadsheet takes what begins like a formula for one.
    csv.writer(line).writerow(["'" + value if value[:1] in "=+-@\t\r" and value else value for value in values])
    return line.getvalue()
