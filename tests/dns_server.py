"""A real name server on loopback: it answers TXT questions from a dict, late or not at all where it is told to."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class NameServer:
    """records -- {name: [value, ...]} in lower case without the last dot; a "|" parts a value into
    two strings, as long ones come. `silent` -- it answers nothing."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.silent = False
        self.fails = False
        self.asked: list[str] = []
        self.address = ""

    def answer(self, wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        name = query.question[0].name
        self.asked.append(name.to_text(omit_final_dot=True).lower())
        if self.silent:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        values = self.records.get(self.asked[-1])
        if self.fails:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif values is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        else:
            texts = [" ".join(f'"{part}"' for part in value.split("|")) for value in values]
            response.answer.append(dns.rrset.from_text_list(name, 60, "IN", "TXT", texts))
        return response.to_wire()


@contextmanager
def run_name_server() -> Iterator[NameServer]:
    """A name server as long as the block lasts."""
    known = NameServer()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, socket = self.request
            answer = known.answer(wire)
            if answer is not None:
                socket.sendto(answer, self.client_address)

    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler) as server:
        host, port = server.server_address[:2]
        known.address = f"{host!s}:{port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield known
        server.shutdown()
        thread.join(5)
