"""A small, honest imitation of an Okta org for the demo and the tests.

It enforces what Okta enforces and says it in Okta's words. It imports nothing of the portal, and not the library
the portal logs in with, so that it cannot share their mistakes.
"""

from okta_sandbox.directory import App, Person
from okta_sandbox.keys import KeyRing, Signer, encode_part
from okta_sandbox.org import Mail, Session
from okta_sandbox.sandbox import Sandbox
from okta_sandbox.server import Server
from okta_sandbox.wire import Answer as RawAnswer
from okta_sandbox.wire import SeenRequest

__all__ = ["App", "KeyRing", "Mail", "Person", "RawAnswer", "Sandbox", "SeenRequest", "Server", "Session", "Signer",
           "encode_part"]
