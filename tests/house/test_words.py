"""How modules introduce themselves and are called, what templates must not hold, and pinned packages."""

from __future__ import annotations

import ast
import re

import pytest

from portal.errors import Problem
from tests.house.sources import ROOT, modules, named, tree

PRODUCT = modules("portal", "native_bridge", "okta_sandbox", "wsgi.py")
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STYLES = sorted((ROOT / "static").rglob("*.css"))
NOBODY = {"utils", "util", "helpers", "helper", "common", "manager", "base", "data", "info", "misc"}
LOADED = re.compile(
    r"""(?:src|srcset|href|action|poster|data)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?(?:https?:)?//|@import""",
    re.IGNORECASE,
)


def test_a_module_says_in_one_to_six_lines_what_it_is() -> None:
    said = {named(path): (ast.get_docstring(tree(path)) or "").split("\n\n") for path in PRODUCT}
    assert [name for name, parts in said.items() if not parts[0]] == []
    # After an empty line it may go on with what a reader of this module has to know.
    assert [name for name, parts in said.items() if len(parts[0].splitlines()) > 6] == []


def test_no_module_is_called_utils_or_the_like() -> None:
    ours = [*PRODUCT, *modules("tests", "bench")]
    assert [named(path) for path in ours if {path.stem, path.parent.name} & NOBODY] == []


def test_a_template_has_no_inline_script_and_no_inline_style() -> None:
    inline = re.compile(r"<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:|<script(?![^>]*\ssrc=)", re.IGNORECASE)
    assert [named(path) for path in TEMPLATES if inline.search(path.read_text())] == []
    filled = re.compile(r"<script[^>]*>\s*[^<\s]", re.IGNORECASE)
    assert [named(path) for path in TEMPLATES if filled.search(path.read_text())] == []


def test_nothing_is_loaded_from_another_server() -> None:
    """An address as a text to read is fine; one that a browser would load is not."""
    assert [named(path) for path in [*TEMPLATES, *STYLES] if LOADED.search(path.read_text())] == []


def test_templates_call_nothing_safe_but_constants() -> None:
    for path in TEMPLATES:
        for expression in re.findall(r"{{(.*?)}}", path.read_text(), re.DOTALL):
            for part in re.findall(r"([^|]*)\|\s*safe\b", expression):
                assert re.match(r"""\s*(?:'[^']*'|"[^"]*")\s*$""", part), f"{named(path)}: {expression}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.txt")), ids=named)
def test_every_requirement_is_pinned(path: object) -> None:
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]  # type: ignore[attr-defined]
    assert [line for line in lines if line and not line.startswith("-") and "==" not in line] == []


def test_every_text_of_a_problem_is_in_the_catalogue() -> None:
    template = ROOT / "translations" / "messages.pot"
    if not template.exists():
        pytest.skip("there is no catalogue yet: make translations")
    from babel.messages.pofile import read_po

    with template.open("rb") as file:
        known = {message.id for message in read_po(file) if isinstance(message.id, str)}
    assert {text for problem in Problem for text in (problem.title, problem.advice)} - known == set()
