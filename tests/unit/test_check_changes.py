"""What counts as turned wrong and as right again, from one look at an Okta to the next."""

from __future__ import annotations

import pytest

from portal.check_changes import Changes, compare
from portal.store.check_watches import Watched

NOW = 1_800_000_000


def row(step: str, verdict: str) -> dict[str, str]:
    return {"step": step, "verdict": verdict, "cause": "" if verdict == "right" else "missing", "found": "x"}


def look(before: Watched, *, settings: str = "a", mailed: bool = True, **verdicts: str) -> Changes:
    rows = [row(step, verdict) for step, verdict in verdicts.items()]
    return compare(before, settings, rows, now=NOW, mailed=mailed)


def steps(changes: Changes) -> tuple[list[str], list[str]]:
    return [each["step"] for each in changes.turned_wrong], [each["step"] for each in changes.right_again]


NOTHING: tuple[list[str], list[str]] = ([], [])


@pytest.mark.parametrize(
    ("looks", "last"),
    [
        (["right"], NOTHING),
        (["right", "right"], NOTHING),
        (["wrong"], NOTHING),
        (["wrong", "wrong"], NOTHING),
        (["wrong", "right"], NOTHING),
        (["right", "wrong"], (["domain"], [])),
        (["right", "wrong", "wrong"], NOTHING),
        (["right", "wrong", "right"], ([], ["domain"])),
        (["right", "wrong", "right", "right"], NOTHING),
        (["right", "wrong", "right", "wrong"], (["domain"], [])),
        (["wrong", "right", "wrong"], (["domain"], [])),
        (["right", "unknown"], NOTHING),
        (["right", "unknown", "right"], NOTHING),
        (["right", "unknown", "wrong"], (["domain"], [])),
        (["right", "wrong", "unknown"], NOTHING),
        (["right", "wrong", "unknown", "wrong"], NOTHING),
        (["right", "wrong", "unknown", "right"], ([], ["domain"])),
        (["unknown", "wrong"], NOTHING),
        (["right", "login", "wrong"], (["domain"], [])),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else None,
)
def test_a_change_is_from_right_to_wrong_and_back(looks: list[str], last: tuple[list[str], list[str]]) -> None:
    watched = Watched()
    for verdict in looks:
        changes = look(watched, domain=verdict)
        watched = changes.watched
    assert steps(changes) == last


def test_several_steps_are_one_change_each() -> None:
    before = look(Watched(), domain="right", pair="right", engine="right").watched
    changes = look(before, domain="wrong", pair="wrong", engine="right")
    assert steps(changes) == (["domain", "pair"], [])
    assert changes.watched.right == {"engine"}
    assert set(changes.watched.wrong) == {"domain", "pair"}


def test_for_other_settings_nothing_was_right_before() -> None:
    before = look(Watched(), domain="right").watched
    assert steps(look(before, settings="b", domain="wrong")) == NOTHING


def test_what_turned_wrong_is_told_to_be_right_under_other_settings() -> None:
    before = look(look(Watched(), domain="right").watched, domain="wrong").watched
    assert steps(look(before, settings="b", domain="right")) == ([], ["domain"])


def test_what_other_settings_do_not_have_is_forgotten() -> None:
    before = look(look(Watched(), pair="right").watched, pair="wrong").watched
    assert look(before, settings="b", domain="right").watched.wrong == {}


def test_it_is_remembered_whether_the_owners_were_mailed() -> None:
    before = look(Watched(), domain="right").watched
    for mailed in (True, False):
        assert look(before, mailed=mailed, domain="wrong").watched.wrong["domain"]["mailed"] is mailed
