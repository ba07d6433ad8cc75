"""Every component in every state, in the demo only."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from portal.access import public
from portal.web.render import render

pages = Blueprint("styleguide", __name__)


@pages.get("/styleguide")
@public()
def show() -> ResponseReturnValue:
    """The style guide."""
    return render("pages/styleguide.html")
