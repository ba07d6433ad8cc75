"""Turns what went wrong into a page, or into RFC 9457 JSON, with a reference; needs neither network nor database."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, g, jsonify, request
from flask_babel import gettext
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from portal.errors import Problem, Refused
from portal.logs import LOGGER
from portal.metrics import REFUSALS
from portal.web.headers import reference
from portal.web.render import render
from portal.web.ways_on import find_ways, may_tell_us, minutes_to_wait

_BY_STATUS = {
    400: Problem.BAD_REQUEST,
    404: Problem.NOT_FOUND,
    405: Problem.METHOD_NOT_ALLOWED,
    413: Problem.TOO_LARGE,
    415: Problem.UNSUPPORTED_MEDIA,
    429: Problem.TOO_MANY,
}

# Only programs come here, whatever they say they accept.
_PROGRAMS = ("/native/v1/", "/.well-known/")


def init_app(app: Flask) -> None:
    """Answers for everything that is raised."""
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)


def answer_problem(problem: Problem, *, reason: str = "") -> Response:
    """The page for `problem`, or its JSON twin where the request asks for JSON; the app also hears `reason`.

    What `g.problem_headers` and `g.problem_members` hold goes along, such as the challenge of a 401; `g.found_at` is
    the slug of the organization in whose activity the reference finds this.
    """
    if wants_json():
        body: dict[str, Any] = {"type": "about:blank", "title": gettext(problem.title), "status": problem.status}
        body |= {"detail": gettext(problem.advice), "code": problem.code, "reference": reference()}
        body["retryable"] = problem.status in (429, 503)
        if request.path.startswith("/native/v1/"):
            body |= {"reason": reason or problem.code, **g.get("problem_members", {})}
        response = jsonify(body)
        response.mimetype = "application/problem+json"
    else:
        page = render(
            "pages/error.html",
            problem=problem,
            reference=reference(),
            ways=find_ways(problem),
            tell_us=may_tell_us(problem),
            minutes=minutes_to_wait(problem),
            found_at=found_at(g.get("found_at", ""), reference()),
        )
        response = Response(page, mimetype="text/html")
    response.status_code = problem.status
    if problem.status in (429, 503):
        response.headers["Retry-After"] = str(g.get("retry_after", 5))
    for name, value in g.get("problem_headers", {}).items():
        response.headers[name] = value
    return response


def found_at(slug: str, noted: str) -> str:
    """Where the owners of this organization find what was noted under this reference; "" where either is none."""
    return f"/organizations/{slug}/activity?reference={noted}" if slug and noted else ""


def wants_json() -> bool:
    """Whether the caller asked for JSON rather than for a page."""
    path, accepted = request.path, request.accept_mimetypes
    if path.startswith(_PROGRAMS) or path.endswith((".json", "/universal-logout")):
        return True
    return accepted["application/json"] > accepted["text/html"]


def note_refusal(refused: Refused) -> None:
    """Counts and logs a refusal; `detail` goes no further than the log."""
    REFUSALS.labels(refused.problem.code, refused.reason).inc()
    event = {"code": refused.problem.code, "reason": refused.reason, "detail": refused.detail[:300]}
    LOGGER.warning("refused", extra={"event": {**event, "reference": reference()}})


def _refused(refused: Refused) -> Response:
    note_refusal(refused)
    return answer_problem(refused.problem, reason=refused.reason)


def _http_error(error: HTTPException) -> AnyResponse:
    status = error.code or 500
    if status < 400:
        return error.get_response()
    response = answer_problem(_BY_STATUS.get(status, Problem.BAD_REQUEST if status < 500 else Problem.INTERNAL))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _bug(error: Exception) -> Response:
    LOGGER.error("bug", exc_info=error, extra={"event": {"reference": reference()}})
    return answer_problem(Problem.INTERNAL)
