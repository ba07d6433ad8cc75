"""Who may use a view. Every view says it, pages and calls of the app alike; one that does not say it never starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a view. `action` is what a role has to allow, "" for every logged-in person, None for everybody;
    `landing` -- a person who asked for it may be sent there after logging in; `forms` -- False where the view takes
    none: it says 405 by itself, or is called by programs that bring no cookies, whatever site they come from; `fresh`
    -- its form takes a login of the last 15 minutes."""

    action: str | None
    landing: bool
    forms: bool = True
    fresh: bool = False


def public(*, landing: bool = False, forms: bool = True) -> Callable[[View], View]:
    """The view is for everybody."""
    return lambda view: register(view, Access(None, landing, forms))


def access_of(app: Flask, endpoint: str) -> Access | None:
    """Who may use this endpoint; None for one that has not said it."""
    view = app.view_functions.get(endpoint)
    return getattr(view, "access", None)


def register(view: View, access: Access) -> View:
    """Writes down who may use `view`."""
    view.access = access  # type: ignore[attr-defined]
    return view
