"""What a test login finds out, stage by stage: what was sent, what came back, what it should be. Words are elsewhere.

Values are shown to the owners of the organization, so none of them is a secret, a code or a token: those are cut short
before they come here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from portal.okta.refusals import clean

# In the order in which they happen. A test login has passed when those before "refresh" are right.
STAGES = (
    "metadata", "authorize", "callback", "token", "keys", "id_token", "userinfo", "admission", "groups", "refresh",
    "logout",
)  # fmt: skip
DECIDING = STAGES[:8]
# noted: shown without a judgement. waiting: under way, or it is a person's turn.
Verdict = Literal["right", "wrong", "unknown", "waiting", "noted", "skipped"]


class Word(str):
    """Something that the page says in the reader's language, where a value would stand: it begins with "~"."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One thing about a stage: values, or words (`Word`) in their place."""

    name: str
    sent: str = ""
    received: str = ""
    expected: str = ""
    verdict: Verdict = "noted"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. problem and reason -- as of a Refused, where it is not right; at -- epoch seconds."""

    id: str
    verdict: Verdict
    problem: str = ""
    reason: str = ""
    rows: tuple[Row, ...] = ()
    at: int = 0


def compare(name: str, received: object, expected: str, *, right: bool, sent: str = "") -> Row:
    """A row with its verdict."""
    return Row(name, sent, show(received), expected, "right" if right else "wrong")


def show(value: object) -> str:
    """Somebody else's value as it may be shown: printable, short, and none of our words."""
    if value is None or isinstance(value, Word):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return clean(text).lstrip("~")


def say(word: str) -> Word:
    """Our word of this name; `portal.web.trial_words` has the texts."""
    return Word("~" + word)


def hint(secret: object, begin: int = 0) -> str:
    """Enough of a value to recognise it by and too little to use it."""
    text = str(secret)
    return show(text[begin : begin + 6]) + "…" if text else ""


def put(stages: Sequence[Stage], stage: Stage) -> list[Stage]:
    """The stages with this one in its place, whether it is new or known."""
    others = {each.id: each for each in stages} | {stage.id: stage}
    return [others[name] for name in STAGES if name in others]


def find_stage(stages: Sequence[Stage], name: str) -> Stage | None:
    """The stage with this name, if it has begun."""
    return next((stage for stage in stages if stage.id == name), None)


def first_wrong(stages: Sequence[Stage]) -> Stage | None:
    """Where it ended."""
    return next((stage for stage in stages if stage.verdict == "wrong"), None)


def have_passed(stages: Sequence[Stage]) -> bool:
    """Whether everything is right that a login needs."""
    verdicts = {stage.id: stage.verdict for stage in stages}
    return all(verdicts.get(name) in ("right", "skipped") for name in DECIDING) and verdicts["admission"] == "right"


def write_stages(stages: Sequence[Stage]) -> str:
    """As they are stored."""
    return json.dumps([asdict(stage) for stage in stages], separators=(",", ":"))


def read_stages(stored: str) -> list[Stage]:
    """What `write_stages` wrote, here or in a newer version, as far as this one knows it."""
    found: list[dict[str, Any]] = json.loads(stored)
    return [Stage(**{**_known(Stage, each), "rows": tuple(Row(**_known(Row, row)) for row in each["rows"])})
            for each in found]  # fmt: skip


def _known(kind: type, stored: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in stored.items() if name in names}
