"""`.venv/bin/python -m bench.chaos [--seconds 3600] [--seed N] [--on sqlite]`: two nodes of the portal, two Oktas,
people on the web and on the phone, and everything that goes wrong, by chance; afterwards what must never happen is
looked for (tests/serving/chaos.py). Prints the seed, with which the same things are tried again, what was done and what
was wrong; exits 1 when something was.
"""

from __future__ import annotations

import argparse
import json
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from okta_sandbox import Sandbox
from portal.connecting import save_okta
from portal.okta.connect import Entries
from portal.store.organizations import create_organization
from tests.serving.chaos import Chaos
from tests.serving.nodes import Nodes, nodes_on
from tests.store.databases import KINDS, empty_database
from tests.web.steps import add_person


@contextmanager
def globex(nodes: Nodes) -> Iterator[Sandbox]:
    """A second organization with an Okta of its own."""
    sandbox = Sandbox(portal=nodes.base, keys="b", name="Globex")
    add_person(sandbox, "carol@globex.example", "Carol")
    with sandbox.serve(host="127.0.0.1") as server:
        okta = f"http://localhost:{server.port}"
        with nodes.services.db.writing() as connection:
            organization = create_organization(
                connection, "globex", name="Globex", domain_names=["globex.example"], now=nodes.services.now()
            )
        spa, native = sandbox.client_id("spa"), sandbox.client_id("native")
        entries = Entries(spa, okta, native, okta, authorization_server="org")
        save_okta(nodes.services, organization.id, entries, sign_in="redirect", who="it", reference="", check=False)
        yield sandbox


def run(kind: str, folder: Path, *, seconds: float, seed: int) -> Chaos:
    """One run on this database."""
    with empty_database(kind, folder) as url, nodes_on(folder, url) as nodes, globex(nodes) as theirs:
        # As in the demo: whoever tries very often is not what is tried here.
        nodes.environ["POINT_DEMO"] = "1"
        nodes.start(2)
        add_person(nodes.sandbox, "dora@acme.example", "Dora")
        people = [("acme", "alice@acme.example"), ("acme", "dora@acme.example"), ("globex", "carol@globex.example")]
        chaos = Chaos(nodes, seed, {"acme": nodes.sandbox, "globex": theirs}, people)
        chaos.run(seconds)
        return chaos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600, help="for each database")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--on", choices=KINDS, help="one database instead of both")
    options = parser.parse_args()
    wrong = 0
    for kind in [options.on] if options.on else KINDS:
        print(f"{kind}, seed {options.seed}", flush=True)
        with tempfile.TemporaryDirectory() as name:
            chaos = run(kind, Path(name), seconds=options.seconds, seed=options.seed)
        print(json.dumps(dict(chaos.done.most_common())))
        for violation in chaos.violations:
            print("WRONG:", violation)
        wrong += len(chaos.violations)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
