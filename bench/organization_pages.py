"""The pages of a big organization: 10,000 members and 1,000,000 events on PostgreSQL, the first page of each.

`python -m bench.organization_pages [--events N] [--members N] [--rounds N]`. Prints p50 and p95 in milliseconds of the
whole request inside the application, and how many statements it sent.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import event, text

import native_bridge
from portal import create_app
from portal.activity_keeping import keep_activity
from portal.passwords import hash_password
from portal.settings import Settings
from portal.store.members import add_member
from portal.store.organizations import create_organization
from portal.store.upgrade import upgrade_database
from tests.store.databases import empty_database

DAY = 86400
PASSWORD = "a password for the benchmark"
PAGES = {
    "activity": "/organizations/big/activity",
    "activity, one person": "/organizations/big/activity?who=person77@big.example",
    "activity, a rare kind": "/organizations/big/activity?kind=okta",
    "activity, one reference": "/organizations/big/activity?reference=AB2C-D3EF",
    "activity, some days": "/organizations/big/activity?from=2026-06-01&to=2026-06-30",
    "members": "/organizations/big/members",
    "members, a name": "/organizations/big/members?q=person77",
}
# 1 in 20 is turned down, for one of five reasons; 1 in 50,000 is a change of the settings.
_FILL = """
INSERT INTO activity (organization_id, at, who, what, about, reference, cause)
SELECT :organization, :now - (n * 1.0 / :events * 399 * 86400)::bigint, 'person' || n % :members || '@big.example',
  CASE WHEN n % 50000 = 0 THEN 'okta.saved' WHEN n % 20 = 0 THEN 'login.refused' ELSE 'login' END,
  CASE WHEN n % 20 = 0 THEN '{"code": "login_policy", "method": "okta"}' ELSE '{"method": "okta"}' END, '',
  CASE WHEN n % 20 = 0 THEN (ARRAY['login_policy', 'login_not_assigned', 'okta_error', 'login_cancelled',
    'attempt_expired'])[1 + n % 5] END
FROM generate_series(1, :events) AS n
"""
_PEOPLE = """
INSERT INTO users (email, name, created_at) SELECT 'person' || n || '@big.example', 'Person ' || n, :now
FROM generate_series(1, :members) AS n
"""
_MEMBERS = """
INSERT INTO members (organization_id, user_id, role, created_at) SELECT :organization, id, 'volunteer', :now
FROM users WHERE email LIKE 'person%'
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("events", 1_000_000), ("members", 10_000), ("rounds", 60)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, empty_database("postgresql", Path(folder)) as url:
        upgrade_database(url)
        settings = Settings(
            base_url="http://localhost:5000", database_url=url, instance=Path(folder), log_level="error",
            secret_keys=("a key for the benchmark that is long enough 0123456789",),
        )  # fmt: skip
        app = create_app(settings)
        native_bridge.init_app(app)
        services = app.extensions["point"]
        _fill(services, asked.events, asked.members)
        began = time.perf_counter()
        keep_activity(services, services.now())
        print(f"maintenance counts the past in {time.perf_counter() - began:.1f} s, once")
        _measure(app, services, asked.rounds)
        services.close()


def _fill(services, events: int, members: int) -> None:  # type: ignore[no-untyped-def]
    now = services.now()
    with services.db.writing() as connection:
        big = create_organization(connection, "big", name="Big", domain_names=["big.example"], now=now)
        password_hash = hash_password(PASSWORD)
        add_member(connection, big.id, "owner@big.example", role="owner", now=now, password_hash=password_hash)
        values = {"organization": big.id, "now": now, "events": events, "members": members}
        for statement in (_PEOPLE, _MEMBERS, _FILL):
            connection.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})
    with services.db.writing() as connection:
        connection.execute(text("ANALYZE"))


def _measure(app, services, rounds: int) -> None:  # type: ignore[no-untyped-def]
    client = app.test_client()
    client.post("/login", data={"email": "owner@big.example", "password": PASSWORD})
    sent = [0]

    def count(*_: object) -> None:
        sent[0] += 1

    engine = services.db.engine
    event.listen(engine, "before_cursor_execute", count)
    known = {rule.rule for rule in app.url_map.iter_rules()}
    print(f"{'page':28} {'p50 ms':>8} {'p95 ms':>8} {'statements':>10}")
    for name, path in PAGES.items():
        if path.partition("?")[0].replace("big", "<slug>") not in known:
            continue
        times = []
        for _ in range(rounds):
            sent[0] = 0
            began = time.perf_counter()
            answer = client.get(path)
            times.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, (path, answer.status_code)
        p95 = statistics.quantiles(times, n=20)[-1]
        print(f"{name:28} {statistics.median(times):8.1f} {p95:8.1f} {sent[0]:10}")


if __name__ == "__main__":
    main()
