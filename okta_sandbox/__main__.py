"""The sandbox as a program: `python -m okta_sandbox --port 9100`."""

import argparse
import signal
from pathlib import Path
from threading import Event

from okta_sandbox.sandbox import Sandbox


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="okta_sandbox", description="A small Okta org for demo and tests.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--state", type=Path, help="a file that keeps the org over restarts")
    parser.add_argument("--token", default="sandbox-token", help="the API token of the Management API")
    parser.add_argument("--portal", default="http://localhost:5000", help="the origin in the cast's apps")
    parser.add_argument("--empty", action="store_true", help="start with nothing configured")
    return parser.parse_args()


def main() -> None:
    arguments = read_arguments()
    sandbox = Sandbox(arguments.portal, empty=arguments.empty, token=arguments.token, state=arguments.state)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with sandbox.serve(arguments.host, arguments.port) as server:
        sandbox.save()
        print(f"Sandbox Okta: {server.url} (its page: {server.url}/sandbox)", flush=True)
        stop.wait()
    sandbox.save()


if __name__ == "__main__":
    main()
