"""The one door to the network: HTTPS to public addresses, bounded in size, time and number, no redirects, no cookies.

What is fetched is what was checked: one grammar (hostname.py), one look-up (addresses.py), one strict reader
(wire.py). Reads no environment: no proxies, no netrc. Knows nothing of OAuth; callers judge status and content.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from portal.errors import Problem, Refused
from portal.okta.addresses import Addresses, Resolve
from portal.okta.answer import Answer
from portal.okta.connections import Connection, Pool, connect, make_context
from portal.okta.deadline import Deadline
from portal.okta.gate import Gates
from portal.okta.hostname import Origin, parse_url
from portal.okta.wire import Ended, read_answer, write_form, write_request

__all__ = ["Answer", "Door"]

# What counts against a host in its breaker. A status, a bad certificate or a private address is an answer.
_FAILURES = frozenset({"op_timeout", "op_unavailable", "dns_temporary_failure"})
_SHORT = 4  # A wait of less than a quarter of the usual time is a short one.
# A server that had hung up before our request came says so within a round trip.


class _HungUp(Exception):  # noqa: N818 - it says what the peer did
    """A kept connection turned out to be closed before the request could have been read."""


class Door:
    """Calls to Oktas. One per process, shared by all threads.

    loopback  -- also lets http and this machine's own addresses through (demo, tests).
    ca_bundle -- path of a file of CA certificates to trust instead of the system's.
    resolve   -- called like socket.getaddrinfo.      clock    -- seconds, monotonic.
    deadline  -- seconds for a whole call, DNS to the last byte, unless the call says otherwise.
    per_host  -- calls at once per host; 16 more wait at most 1 s.
    max_body  -- bytes.
    on_call   -- told about each call: host, seconds, and the status or the reason of the refusal.
    """

    def __init__(
        self,
        *,
        loopback: bool = False,
        ca_bundle: str | None = None,
        resolve: Resolve = socket.getaddrinfo,
        clock: Callable[[], float] = time.monotonic,
        deadline: float = 10.0,
        per_host: int = 32,
        max_body: int = 256 * 1024,
        on_call: Callable[[str, float, str], None] | None = None,
    ) -> None:
        self._loopback = loopback
        self._clock = clock
        self._seconds = deadline
        self._max_body = max_body
        self._on_call = on_call
        self._context = make_context(ca_bundle)
        self._addresses = Addresses(resolve, clock)
        self._gates = Gates(clock, per_host)
        self._pool = Pool(clock)
        self._budget = threading.local()

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, deadline: float | None = None) -> Answer:
        """Fetches `url`. Any status is an Answer, redirects included; nothing is followed.

        deadline -- seconds for the whole call.
        Raises Refused: OKTA_UNREACHABLE (op_unavailable, op_timeout, op_breaker_open, domain_unresolvable,
        dns_temporary_failure, domain_resolves_private, tls_untrusted), OKTA_BUSY (op_busy), OKTA_ANSWER_INVALID
        (response_malformed, response_too_large, response_encoding_unsupported; endpoint_invalid and
        endpoint_not_https for a URL that is not fetched at all). RFC 9110, RFC 9112.
        """
        return self._call("GET", url, headers, deadline)

    def post_form(
        self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Answer:  # fmt: skip
        """Posts `form` as application/x-www-form-urlencoded; otherwise as `get`. RFC 6749 appendix B."""
        return self._call("POST", url, headers, deadline, write_form(form), "application/x-www-form-urlencoded")

    def post_json(
        self, url: str, document: Mapping[str, Any], *, content_type: str = "application/json",
        headers: Mapping[str, str] | None = None, deadline: float | None = None,
    ) -> Answer:  # fmt: skip
        """Posts `document` as JSON in ASCII; otherwise as `get`, but never sent twice. RFC 8259.

        content_type -- a constant of ours, for where Okta wants JSON under another name.
        """
        body = json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
        return self._call("POST", url, headers, deadline, body, content_type)

    def put_json(
        self, url: str, document: Mapping[str, Any], *, headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Answer:  # fmt: skip
        """Puts `document` as JSON in the place of what is there; otherwise as `post_json`."""
        body = json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
        return self._call("PUT", url, headers, deadline, body, "application/json")

    def delete(self, url: str, *, headers: Mapping[str, str] | None = None, deadline: float | None = None) -> Answer:
        """Deletes what is at `url`; otherwise as `get`, but never sent twice."""
        return self._call("DELETE", url, headers, deadline)

    @contextmanager
    def within(self, seconds: float, name: str | None = None) -> Iterator[None]:
        """All calls of this thread inside share these seconds, so that several slow answers do not add up.

        name -- what `on_call` hears instead of the host; for hosts that somebody has only typed.
        """
        before = getattr(self._budget, "until", None), getattr(self._budget, "name", None)
        self._budget.until, self._budget.name = self._clock() + seconds, name
        try:
            yield
        finally:
            self._budget.until, self._budget.name = before

    def _left(self, seconds: float) -> float:
        until = getattr(self._budget, "until", None)
        left = seconds if until is None else min(seconds, until - self._clock())
        if left <= 0:
            raise Refused(Problem.OKTA_UNREACHABLE, "op_timeout")
        return left

    def close(self) -> None:
        """Closes idle connections. Calls under way end by themselves."""
        self._pool.close()

    def _call(
        self, method: str, url: str, headers: Mapping[str, str] | None, seconds: float | None, body: bytes = b"",
        content_type: str = "",
    ) -> Answer:  # fmt: skip
        origin, target = parse_url(url, loopback=self._loopback)
        host = origin.base.partition("://")[2]
        request = write_request(method, host, target, headers, body, content_type)
        started, outcome = self._clock(), "error"
        left = self._left(self._seconds if seconds is None else seconds)
        limit = Deadline(self._clock, left)
        try:
            answer = self._guarded(
                origin, request, limit, safe=method == "GET", patient=left * _SHORT >= self._seconds
            )
            outcome = str(answer.status)
            return answer
        except Refused as refused:
            outcome = refused.reason
            raise
        finally:
            if self._on_call is not None:
                self._on_call(getattr(self._budget, "name", None) or host, self._clock() - started, outcome)

    def _guarded(self, origin: Origin, request: bytes, limit: Deadline, *, safe: bool, patient: bool) -> Answer:
        """patient -- False for a caller in a hurry, whose time-out says little about the host."""
        gate = self._gates.to(origin.base)
        trial, failed = gate.enter(limit), False
        try:
            return self._exchange(origin, request, limit, safe=safe)
        except Refused as refused:
            failed = refused.reason in _FAILURES and (patient or refused.reason != "op_timeout")
            raise
        finally:
            gate.leave(failed=failed, trial=trial)

    def _exchange(self, origin: Origin, request: bytes, limit: Deadline, *, safe: bool) -> Answer:
        """One request; a GET is sent a second time when a kept connection dies without a byte of an answer.

        A POST never is (RFC 9112 9.3.1): it may carry a code that has been redeemed by then, and Okta answers a code or
        a refresh token that comes twice by revoking what it gave. The pool looks at a kept connection before it gives
        it away, so that one which the server has closed is not used at all.
        """
        try:
            kept = self._pool.take(origin.base)
            if kept is not None:
                try:
                    return self._once(kept, origin, request, limit, repeatable=safe)
                except _HungUp:
                    pass
            fresh = connect(origin, self._addresses.find(origin.host, limit), self._context, limit)
            return self._once(fresh, origin, request, limit, repeatable=False)
        except TimeoutError as exc:
            raise Refused(Problem.OKTA_UNREACHABLE, "op_timeout") from exc
        except OSError as exc:
            # Such as no file descriptor left for a socket: our trouble, but the person can only try again.
            raise Refused(Problem.OKTA_UNREACHABLE, "op_unavailable", type(exc).__name__) from exc

    def _once(
        self, connection: Connection, origin: Origin, request: bytes, limit: Deadline, *, repeatable: bool
    ) -> Answer:
        """repeatable -- whether a silent end may be reported as _HungUp."""
        done = False
        try:
            connection.begin(request, limit)
            answer, done = read_answer(connection, max_body=self._max_body)
        except (TimeoutError, Refused):
            raise
        except (Ended, OSError) as exc:
            silent = not connection.received
            if silent and repeatable:
                raise _HungUp from exc
            raise _broken(exc, silent=silent) from exc
        finally:
            if not done:
                connection.close()
        if done:
            self._pool.give(origin.base, connection)
        return answer


def _broken(exc: Exception, *, silent: bool) -> Refused:
    if isinstance(exc, Ended) and not silent:
        return Refused(Problem.OKTA_ANSWER_INVALID, "response_malformed", "ended early")
    if isinstance(exc, ssl.SSLError):
        return Refused(Problem.OKTA_UNREACHABLE, "tls_untrusted", exc.reason or "")
    return Refused(Problem.OKTA_UNREACHABLE, "op_unavailable")
