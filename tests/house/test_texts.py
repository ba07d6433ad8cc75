"""Whatever people read goes through gettext: pages, mails, and what Python puts into them; and is collected for
translators, whatever kind of file it stands in."""

from __future__ import annotations

import ast
import configparser
import re
from fnmatch import fnmatch
from pathlib import Path

from jinja2 import Environment, nodes

from tests.house.sources import ROOT, modules, named, tree

TEMPLATES = sorted(path for kind in ("html", "txt") for path in (ROOT / "templates").rglob(f"*.{kind}"))
# The styleguide is for those who build pages.
SPOKEN = [path for path in TEMPLATES if path.name != "styleguide.html"]
# Names, and what is written before the subject of a mail.
OURS = re.compile(r"\b(?:POINT|Subject)\b")
# Attributes that are read out or shown.
SAID = re.compile(r"""\s(?:aria-label|alt|title|placeholder)\s*=\s*["']([^"'<>]*)""")
SENTENCE = re.compile(r"[A-Z“][^<>{}=]*[a-z]\S* [a-z]+ ?\S*")
MARKS = {"N_", "gettext", "ngettext"}
# What goes into logs, to whoever starts the portal, or is a pattern.
UNSEEN = {"debug", "info", "warning", "error", "exception", "compile", "LookupError", "ValueError", "TypeError"}


def literals(path: Path) -> str:
    """What a template says by itself, with everything that is computed taken out."""
    source = re.sub(r"{% block body_class %}\w*{% endblock %}", "", path.read_text())
    parsed = Environment(extensions=["jinja2.ext.i18n"]).parse(source)
    return "\0".join(data.data for data in parsed.find_all(nodes.TemplateData))


def spoken(text: str) -> str:
    """The words among it: no tags, and no attributes but those that are read out."""
    said = " ".join(SAID.findall(text.replace("\0", "")))
    without_tags = re.sub(r"<[^>]*>|&[a-z]+;", " ", text.replace("\0", ""))
    return OURS.sub(" ", f"{without_tags} {said}")


def test_a_template_says_nothing_that_is_not_translated() -> None:
    found = {named(path): re.findall(r"[A-Za-z]{2,}", spoken(literals(path))) for path in SPOKEN}
    assert {name: words for name, words in found.items() if words} == {}


def test_python_gives_pages_and_mails_no_sentence_that_is_not_translated() -> None:
    found = []
    for path in modules("portal/web", "portal/guide", "portal/errors.py", "portal/check_texts.py"):
        skipped = _skipped(tree(path))
        texts = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Constant) and id(node) not in skipped]
        said = [node for node in texts if isinstance(node.value, str) and SENTENCE.match(node.value)]
        found += [f"{named(path)}:{node.lineno} {node.value!r}" for node in said]
    assert found == []


def _skipped(module: ast.Module) -> set[int]:
    """Docstrings, what is marked for the catalogue, and what nobody reads on a page."""
    skipped: set[int] = set()
    for node in ast.walk(module):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and isinstance(node.body[0], ast.Expr):
            skipped |= {id(each) for each in ast.walk(node.body[0])}
        called = node.func if isinstance(node, ast.Call) else None
        name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
        if name in MARKS | UNSEEN or isinstance(node, ast.Raise):
            skipped |= {id(each) for each in ast.walk(node)}
    return skipped


def test_translators_get_the_texts_of_every_template() -> None:
    """`make translations` looks where babel.cfg says; the subjects of mails stand in .txt files alone."""
    config = configparser.ConfigParser()
    config.read(ROOT / "babel.cfg")
    patterns = [section.partition(":")[2].strip().replace("**", "*") for section in config.sections()]
    translated = [path for path in TEMPLATES if re.search(r"\b_\(|gettext\(", path.read_text())]
    relative = [str(path.relative_to(ROOT / "templates")) for path in translated]
    assert [name for name in relative if not any(fnmatch(name, pattern) for pattern in patterns)] == []
    assert any(name.endswith(".txt") for name in relative)
