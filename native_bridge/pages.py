"""The page "Open POINT", for browsers that will not launch the app by themselves and where a claimed https link ends
without the app; and the two files by which the app claims that link. Nothing is looked up and nothing is used up here:
who holds the link already holds all there is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

from flask import Blueprint, Response, current_app, g, jsonify, request
from flask.typing import ResponseReturnValue

from native_bridge.deep_links import (
    DeepLink,
    build_login_link,
    build_logout_link,
    login_state,
    parse_link,
    read_logout_return,
)
from portal.access import public
from portal.current import services
from portal.errors import Problem, Refused
from portal.okta.callback import read_parameters
from portal.qr import draw_qr

Platform = Literal["android", "apple", "desktop"]

pages = Blueprint("native_pages", __name__)

_PATH = "/native/open"
# The address of such a page holds a code: no copy is kept, nobody is told it and no search engine lists it.
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_ANSWERS = frozenset({"code", "interaction_code", "otp", "error"})
_KEPT = ("code", "interaction_code", "otp", "state", "iss", "error", "error_description")
# What Okta says when it is not over yet; every other error but a plain no is a fault.
_ONE_MORE_STEP = frozenset({"interaction_required", "login_required", "consent_required", "account_selection_required"})


@pages.get(_PATH)
@public()
def open_login() -> ResponseReturnValue:
    """The return of a login, on its way into the app."""
    if _is_missing():
        return _answer("pages/native/missing.html", logout=False)
    link = _read_link()
    login_state(link)
    parameters = _kept(link)
    if not parameters.keys() & _ANSWERS:
        raise Refused(Problem.DEEP_LINK_INVALID, "missing_code")
    return _open(build_login_link(services().settings.native_scheme, parameters), _outcome(parameters.get("error")))


@pages.get(_PATH + "/logout")
@public()
def open_logout() -> ResponseReturnValue:
    """The return of a logout, on its way into the app."""
    if _is_missing():
        return _answer("pages/native/missing.html", logout=True)
    link = _read_link()
    read_logout_return(link)
    parameters = _kept(link)
    outcome = "logout_failed" if "error" in parameters else "logged_out"
    return _open(build_logout_link(services().settings.native_scheme, parameters), outcome)


@pages.get("/.well-known/assetlinks.json")
@public()
def android_claims() -> ResponseReturnValue:
    """Which Android app may claim our https links (Digital Asset Links)."""
    settings = services().settings
    if not settings.android_certificates:
        raise Refused(Problem.NOT_FOUND, "no_android_app")
    app = {"namespace": "android_app", "package_name": settings.android_package}
    target = {**app, "sha256_cert_fingerprints": settings.android_certificates}
    return _claim([{"relation": ["delegate_permission/common.handle_all_urls"], "target": target}])


@pages.get("/.well-known/apple-app-site-association")
@public()
def apple_claims() -> ResponseReturnValue:
    """Which iPhone apps may claim our https links and offer the passwords kept for this site."""
    ids = services().settings.apple_app_ids
    if not ids:
        raise Refused(Problem.NOT_FOUND, "no_apple_app")
    # The first that fits counts, and "*" takes a slash too: the description of the bridge's calls is no page.
    components = [{"/": "/native/openapi.json", "exclude": True}, {"/": _PATH + "*"}]
    details = [{"appIDs": ids, "components": components}]
    return _claim({"applinks": {"details": details}, "webcredentials": {"apps": ids}})


def intent_link(link: str, *, package: str, fallback: str) -> str:
    """The deep link for Android's browsers, which tell by `intent:` whether there is an app for it.

    Android puts the scheme in front of what stands after "intent:", so that the app gets `link` as it is. fallback --
    the https address that Chrome opens when no app takes the link.
    """
    scheme, _, rest = link.partition(":")
    only = f"package={package};" if package else ""
    return f"intent:{rest}#Intent;scheme={scheme};{only}S.browser_fallback_url={quote(fallback, safe='')};end"


def platform_of(user_agent: str) -> Platform:
    """Which kind of link this browser takes. An iPad that calls itself a Mac gets the desktop's, which it takes too."""
    if "Android" in user_agent:
        return "android"
    return "apple" if "iPhone" in user_agent or "iPad" in user_agent or "iPod" in user_agent else "desktop"


def _is_missing() -> bool:
    """Whether an Android browser came here since no app took the link."""
    return request.query_string == b"missing=1"


def _read_link() -> DeepLink:
    """The address of this page as a link of ours, raw as it came. Raises Refused(DEEP_LINK_INVALID)."""
    g.problem_headers = _PRIVATE
    base_url, scheme = services().settings.base_url, services().settings.native_scheme
    link = f"{base_url}{request.path}?{request.query_string.decode('latin-1')}"
    return parse_link(link, scheme=scheme, app_link=base_url + _PATH)


def _kept(link: DeepLink) -> dict[str, str]:
    parameters = read_parameters(link.query)
    return {name: parameters[name] for name in _KEPT if name in parameters}


def _outcome(error: str | None) -> str:
    if error is None:
        return "returned"
    if error in _ONE_MORE_STEP:
        return "one_more_step"
    return "denied" if error == "access_denied" else "failed"


def _open(link: str, outcome: str) -> Response:
    """The page with the button. `outcome` -- which of its texts."""
    settings = services().settings
    platform = platform_of(request.headers.get("User-Agent", ""))
    here = settings.base_url + request.path
    intent = intent_link(link, package=settings.android_package, fallback=here + "?missing=1")
    return _answer(
        "pages/native/open.html",
        outcome=outcome,
        platform=platform,
        link=intent if platform == "android" else link,
        plain_link=link,
        qr=draw_qr(f"{here}?{link.partition('?')[2]}") if platform == "desktop" else None,
    )


def _answer(template: str, **context: Any) -> Response:
    settings = services().settings
    platform = platform_of(request.headers.get("User-Agent", ""))
    context["play_store_url"] = settings.play_store_url if platform != "apple" else ""
    context["app_store_url"] = settings.app_store_url if platform != "android" else ""
    page: str = current_app.extensions["render"](template, **context)
    return Response(page, mimetype="text/html", headers=_PRIVATE)


def _claim(content: list[Any] | Mapping[str, Any]) -> Response:
    """A file that Google and Apple fetch; they take no redirect and no other content type."""
    response = jsonify(content)
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response
