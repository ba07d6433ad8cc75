"""The guide as it is shown to somebody: in their language, with this organization's values, links, ticks and checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext

from portal import guide
from portal.errors import N_
from portal.guide.shapes import NAMES, Part, Task, ValueKey
from portal.okta.admin_links import admin_link
from portal.okta.steps import Place as OktaPlace
from portal.settings import Settings
from portal.store.guide import Tick
from portal.web.check_rows import ShownRow
from portal.web.guide_known import Known
from portal.web.render import show_time

# Which of several checks of one task is told first.
_GRAVITY = ("wrong", "waiting", "unknown", "login", "right")
_STATES = {
    "": (N_("Not checked yet"), "neutral"),
    "waiting": (N_("Being checked"), "neutral"),
    "right": (N_("Checked: right"), "good"),
    "wrong": (N_("Checked: to put right"), "warning"),
    "unknown": (N_("Could not tell"), "neutral"),
    "login": (N_("Only a test login can tell"), "neutral"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where this guide stands: its own address, and where forms and buttons lead ("" where there is nothing).

    pages -- addresses in POINT that a task is done on, by `portal.guide.shapes.Page`.
    names -- whether it may be said who has ticked something off.
    """

    guide: str
    fields: str
    checks: str
    may_edit: bool
    pages: Mapping[str, str]
    names: bool = True


@dataclass(frozen=True, slots=True)
class ShownState:
    """What the last checks said about a task: a badge, and for what is to be changed how it was found."""

    verdict: str
    text: str
    tone: str
    rows: list[ShownRow]


@dataclass(frozen=True, slots=True)
class ShownTask:
    """A task, ready for the page."""

    id: str
    title: str
    do: list[str]
    note: str
    values: list[tuple[str, str]]
    way: str
    link: str
    also: tuple[str, str] | None
    page: str
    page_url: str
    embedded: bool
    outside: list[tuple[str, str]]
    troubles: list[tuple[str, list[str]]]
    tick: Tick | None
    ticked: str
    state: ShownState | None


@dataclass(frozen=True, slots=True)
class ShownPart:
    """A part with its progress. wrong -- how many of its tasks are to be changed."""

    id: str
    url: str
    title: str
    lead: str
    later: bool
    tasks: list[ShownTask]

    @property
    def done(self) -> int:
        return sum(task.tick is not None for task in self.tasks)

    @property
    def wrong(self) -> int:
        return sum(task.state is not None and task.state.verdict == "wrong" for task in self.tasks)


def show_parts(
    known: Known, settings: Settings, place: Place, parts: Sequence[Part] = guide.PARTS
) -> list[ShownPart]:
    """All parts, in order."""
    values = values_of(settings)
    return [show_part(part, known, values, place) for part in parts]


def show_part(part: Part, known: Known, values: Mapping[ValueKey, str], place: Place) -> ShownPart:
    """One part, with all that is to be said in it."""
    tasks = [_show_task(task, known, values, place) for task in part.tasks]
    url = f"{place.guide}/{part.id}{known.query}"
    return ShownPart(part.id, url, gettext(part.title), gettext(part.lead), part.later, tasks)


def values_of(settings: Settings) -> dict[ValueKey, str]:
    """What is entered in Okta."""
    base, scheme = settings.base_url, settings.native_scheme
    return {
        **NAMES,
        "redirect_uri": settings.redirect_uri,
        "sign_out_uri": base,
        "origin": base,
        "native_redirect_uri": f"{scheme}:/login",
        "native_sign_out_uri": f"{scheme}:/logout",
    }


def _show_task(task: Task, known: Known, values: Mapping[ValueKey, str], place: Place) -> ShownTask:
    tick = known.ticks.get(task.id)
    return ShownTask(
        id=task.id,
        title=gettext(task.title),
        do=[gettext(each) for each in task.do],
        note=gettext(task.note) if task.note else "",
        values=[(gettext(label), values[key]) for label, key in task.values],
        way=gettext(task.way) if task.way else "",
        link=_link(task.place, task, known),
        also=(gettext(task.also[1]), _link(task.also[0], task, known)) if task.also else None,
        page=task.page or "",
        page_url=place.pages.get(task.page, "") if task.page else "",
        embedded=task.embedded,
        outside=[(gettext(name), address) for name, address in task.outside],
        troubles=[(gettext(each.sign), [gettext(cure) for cure in each.cures]) for each in task.troubles],
        tick=tick,
        ticked=_ticked(tick, names=place.names) if tick else "",
        state=_state(task, known.checks) if task.checks else None,
    )


def _link(place: OktaPlace | None, task: Task, known: Known) -> str:
    if place is None or not known.host:
        return ""
    return admin_link(
        known.host, place, client_id=known.client_id(task.app), server_id=known.server_id, new=task.app
    )


def _ticked(tick: Tick, *, names: bool) -> str:
    when = show_time(tick.at)
    by: str = gettext("Ticked off by %(who)s, %(when)s", who=tick.who, when=when)
    return by if names else str(gettext("Ticked off %(when)s", when=when))


def _state(task: Task, checks: Mapping[str, ShownRow]) -> ShownState:
    rows = [checks[step] for step in task.checks if step in checks]
    verdict = next((each for each in _GRAVITY if any(row.verdict == each for row in rows)), "")
    text, tone = _STATES[verdict]
    return ShownState(verdict, gettext(text), tone, [row for row in rows if row.verdict == verdict])
