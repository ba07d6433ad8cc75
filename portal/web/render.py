"""Renders pages. What a template says with constants alone - texts in the reader's language, addresses of pages and
assets - is settled when it is compiled, once per language: a page has some thirty of them, and looking each one up
on every request costs more than all the rest of the page."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.dates import format_datetime
from babel.support import Translations
from flask import Flask, current_app, g, has_request_context, request
from jinja2 import Environment, StrictUndefined, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from portal.services import Services
from portal.web import assets
from portal.web.identity import Viewer

_ROOT = Path(__file__).parents[2]
DEFAULT_LANGUAGE = "en"


class _Settled(NodeTransformer):
    """Puts what a template says with constants alone in the place of the call: `_('text')`, `url_for('login.start')`,
    `asset('css/point.css')`, `lang`. Texts and addresses with values stay calls."""

    def __init__(self, pages: _Pages) -> None:
        self._pages = pages

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - the visitor's own naming
        self.generic_visit(node)
        name = node.node.name if isinstance(node.node, nodes.Name) else ""
        constant = all(isinstance(part, nodes.Const) for part in node.args) and not node.kwargs
        settle = self._pages.settled.get(name)
        if settle is None or len(node.args) != 1 or not constant:
            return node
        value = settle(node.args[0].value)  # type: ignore[attr-defined]
        # Our own catalogue and our own routes, not a visitor's text.
        return nodes.Const(Markup(value) if name == "_" else value, lineno=node.lineno)  # noqa: S704

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802
        if node.ctx == "load" and node.name in ("lang", "demo", "support_email"):
            return nodes.Const(self._pages.globals[node.name], lineno=node.lineno)
        return node


class _Pages(Environment):
    """Jinja for one language. `settled` -- what may be called with a constant when a template is compiled."""

    settled: dict[str, Callable[[str], str]]

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """One plain dict for all templates, which Jinja compares with at every import of a component."""
        return self.globals if not d else super().make_globals(d)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = _Settled(self).visit(super()._parse(source, name, filename))
        return tree


def init_app(app: Flask) -> None:
    """Makes the environments, one for each language there is a catalogue for."""
    languages = [DEFAULT_LANGUAGE, *sorted(path.name for path in (_ROOT / "translations").glob("*/") if path.is_dir())]
    app.extensions["pages"] = {language: _environment(app, language) for language in dict.fromkeys(languages)}
    # For the phone's pages, which know the application but nothing of `portal.web`.
    app.extensions["render"] = render


def render(template: str, **context: Any) -> str:
    """The page, in the reader's language, with the names that every template has."""
    pages: dict[str, _Pages] = current_app.extensions["pages"]
    known = g.get("_login_user") if has_request_context() else None
    context["viewer"] = viewer = known if isinstance(known, Viewer) else None
    context["form_stamp"] = viewer.form_stamp if viewer else ""
    return pages[language()].get_template(template).render(context)


def language() -> str:
    """The language for this reader, out of those there are."""
    pages: dict[str, _Pages] = current_app.extensions["pages"]
    if len(pages) == 1 or not has_request_context():
        return DEFAULT_LANGUAGE
    found: str = request.accept_languages.best_match(pages, DEFAULT_LANGUAGE)
    return found


@lru_cache(maxsize=5000)
def _shown_minute(minute: int, language_: str) -> str:
    at = datetime.fromtimestamp(minute * 60, UTC)
    return f"{format_datetime(at, 'd MMM y, HH:mm', locale=language_)} UTC"


def show_time(at: int) -> str:
    """A time in epoch seconds, for people."""
    return _shown_minute(at // 60, language())


def _environment(app: Flask, language_: str) -> _Pages:
    services: Services = app.extensions["point"]
    pages = _Pages(
        loader=app.jinja_loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=services.settings.demo,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = Translations.load(str(_ROOT / "translations"), [language_])
    pages.install_gettext_callables(catalogue.gettext, catalogue.ngettext, newstyle=True)  # type: ignore[attr-defined]
    adapter = app.url_map.bind("localhost")

    @lru_cache(maxsize=2000)
    def address(endpoint: str, **values: Any) -> str:
        given = {name: value for name, value in values.items() if value not in (None, "")}
        return str(adapter.build(endpoint, given))

    pages.settled = {"_": lambda text: catalogue.gettext(text) % {}, "url_for": address, "asset": assets.address}
    pages.globals.update(
        url_for=address,
        asset=assets.address,
        support_email=services.settings.support_email,
        demo=services.settings.demo,
        lang=language_,
    )
    return pages
