"""Judges a page as everybody may meet it: narrow and wide, light and dark. Axe finds nothing, nothing sticks out, and
nothing that is pressed is too small to touch."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Route
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from tests.browser.person import Person
from tests.world import Stage

SIZES = [(320, 640), (1280, 800)]
_TAGS = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"
# Where something is wrong is looked up only when something is: that takes a fifth of the time.
_RUN = """async (without, only) => {
  const run = more => axe.run({exclude: without}, {
    runOnly: only, resultTypes: ['violations'], preload: false, iframes: false, ...more
  });
  if (!(await run({selectors: false})).violations.length) return [];
  return (await run({})).violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(', '));
}"""
_AXE = f"without => ({_RUN})(without, {_TAGS})"
# The dark theme has other colours and nothing else.
_COLOURS = f"without => ({_RUN})(without, {{type: 'rule', values: ['color-contrast', 'link-in-text-block']}})"
WIDE = """() => {
  const most = document.documentElement.clientWidth;
  const out = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > most + 1);
  return document.scrollingElement.scrollWidth <= most ? []
    : ['scrolls sideways: ' + out.map(e => e.tagName + '.' + e.className).join(', ')];
}"""
# 44 px for what one presses; links inside a sentence are as high as its line. Okta's pages are not ours to judge.
_SMALL = """without => [...document.querySelectorAll('button, a, summary, input:not([type=hidden])')].filter(e => {
  const pressed = ['radio', 'checkbox'].includes(e.type) ? e.closest('label') ?? e : e;
  const in_a_sentence = e.tagName === 'A' && e.closest('li, p') && !e.matches('.touch, .button');
  return e.checkVisibility() && !e.matches('.skip, .notice li a') && !in_a_sentence && !(without && e.closest(without))
    && pressed.getBoundingClientRect().height < 43.5;
}).map(e => 'small: ' + e.tagName + ' ' + (e.innerText || e.name) + ' ' + e.getBoundingClientRect().height)"""


class Judge:
    """Looks at the page a person is at in both widths and both themes, and keeps what is wrong.

    A page is called by the endpoint that answered it and the state it is in: "members.index: nobody found"; a form that
    was turned down by the endpoint that the form goes to. That the name is true is judged too. What no endpoint of ours
    answered is "nowhere: ..." and "okta: ...".
    """

    def __init__(self, axe: str, stage: Stage) -> None:
        self.axe, self.stage = axe, stage
        self.found: list[str] = []

    def __call__(self, person: Person, name: str, *, without: str = "") -> None:
        """without -- a part of the page that is not ours to judge."""
        left_out = [[without]] if without else []
        ours, url = person.page.url.startswith(person.base), person.page.url
        endpoints = endpoints_at(self.stage.app, url, "GET", "POST") if ours else {"okta"}
        assert name.partition(": ")[0] in endpoints, (name, url)
        person.page.evaluate(self.axe)
        for width, height in SIZES:
            person.page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
                wrong = person.page.evaluate(_AXE if scheme == "light" else _COLOURS, left_out)
                if scheme == "light":
                    wrong += person.page.evaluate(WIDE)
                    wrong += person.page.evaluate(_SMALL, without) if ours else []
                self.found += [f"{name} at {width} px, {scheme}: {each}" for each in wrong]
        person.picture(re.sub("[^a-z0-9_.]+", "-", name.lower()))


def endpoints_at(app: Flask, url: str, *methods: str) -> set[str]:
    """Which endpoints answer at this address."""
    routes, found = app.url_map.bind("localhost"), set()
    for method in methods:
        try:
            found.add(routes.match(urlsplit(url).path, method=method)[0])
        except MethodNotAllowed:
            continue
        except HTTPException:
            found.add("nowhere")
    return found


def hold(person: Person, pattern: str) -> None:
    """Pages at these addresses, which lead on by themselves, stay."""

    def answer(route: Route) -> None:
        response = route.fetch(max_redirects=0)
        headers = {name: value for name, value in response.headers.items() if name != "refresh"}
        body = re.sub(r'<meta http-equiv="refresh"[^>]*>', "", response.text())
        route.fulfill(response=response, headers=headers, body=body)

    person.context.route(pattern, answer)
