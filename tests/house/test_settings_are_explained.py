"""Every setting is in README.md and .env.example, and neither names one that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.sources import ROOT, modules, texts

NAME = re.compile(r"\bPOINT_[A-Z_]+\b")


def names_in(*paths: Path) -> set[str]:
    return {name for path in paths for text in texts(path) for name in NAME.findall(text)}


@pytest.mark.parametrize("place", ["README.md", ".env.example"])
def test_every_setting_is_explained_and_exists(place: str) -> None:
    explained = set(NAME.findall((ROOT / place).read_text()))
    settings = names_in(*modules("portal/settings.py", "wsgi.py"))
    assert settings - explained == set()
    assert explained - settings - names_in(*modules("tests")) == set()
