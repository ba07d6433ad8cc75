"""A short run of `python -m bench.chaos`, on each database: by chance, with the seed in the message if it fails."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from bench.chaos import run
from tests.store.databases import KINDS

SECONDS = 6


@pytest.mark.parametrize("kind", KINDS)
def test_flt_110_by_chance_nothing_happens_that_must_not(kind: str, tmp_path: Path) -> None:
    seed = secrets.randbelow(10**6)
    chaos = run(kind, tmp_path, seconds=SECONDS, seed=seed)
    assert chaos.violations == [], f"seed {seed}: {dict(chaos.done)}"
    # It was no quiet time, and there was something to see.
    assert sum(count for what, count in chaos.done.items() if what.startswith("trouble")) >= 3
    assert chaos.done["web logged in"] >= 1
    assert chaos.done["app refresh"] + chaos.done["app log_in"] >= 3
