"""Which package may import which (house.md, "Direction"), and who may read the environment."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.sources import OURS, imports, modules, named, tree, within

PRODUCT = modules("portal", "native_bridge", "wsgi.py")
# Who, what of ours they may import, and which libraries they must not know.
DIRECTIONS = [
    ("portal/okta", ("portal.okta", "portal.errors"), ("flask", "flask_login", "flask_babel", "sqlalchemy")),
    ("portal/store", ("portal.store", "portal.errors"), ("flask", "flask_login", "flask_babel", "requests")),
    ("portal/errors.py", (), ("flask", "sqlalchemy", "requests")),
    ("portal/settings.py", ("portal.errors",), ("flask", "sqlalchemy", "requests")),
    ("portal/sealing.py", ("portal.errors",), ("flask", "sqlalchemy", "requests")),
    ("portal/passwords.py", ("portal.errors",), ("flask", "sqlalchemy", "requests")),
    ("okta_sandbox", ("okta_sandbox",), ("flask", "authlib", "sqlalchemy", "requests")),
    ("native_bridge/client", ("native_bridge.client",), ("flask", "authlib", "sqlalchemy", "msgspec")),
]
# `from portal import x` names the package too, which is no dependency by itself.
PACKAGES = {"portal"}


@pytest.mark.parametrize(("place", "allowed", "unknown"), DIRECTIONS, ids=[place for place, *_ in DIRECTIONS])
def test_a_package_imports_only_in_its_direction(
    place: str, allowed: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    assert modules(place), place
    for path in modules(place):
        wanted = imports(path)
        assert within(wanted, *OURS) - within(wanted, *allowed) - PACKAGES == set(), named(path)
        assert within(wanted, *unknown) == set(), named(path)


def test_only_the_factory_knows_the_pages() -> None:
    outside = [path for path in PRODUCT if "web" not in path.parts]
    assert {named(path) for path in outside if within(imports(path), "portal.web")} == {"portal/__init__.py"}


def test_the_product_imports_neither_sandbox_nor_tests_nor_bench() -> None:
    assert {named(path) for path in PRODUCT if within(imports(path), "okta_sandbox", "tests", "bench")} == set()


def test_the_demo_alone_runs_the_sandbox_as_a_process() -> None:
    assert {named(path) for path in PRODUCT if "okta_sandbox" in path.read_text()} == {"portal/demo.py"}


def test_the_shared_login_steps_know_no_flask() -> None:
    for place in ("portal/logins.py", "portal/connecting.py", "portal/services.py", "portal/metrics.py",
                  "portal/setting_up.py", "portal/set_up_steps.py", "portal/set_up_undo.py", "portal/set_up_work.py",
                  "portal/set_up_progress.py"):
        assert within(imports(modules(place)[0]), "flask", "flask_login") == set(), place


def test_the_environment_is_read_in_named_places_only() -> None:
    """metrics.py: prometheus_client says by a variable of its own that there are several workers; demo.py: children;
    keeping.py: the app's part, on somebody's own desktop, where XDG_STATE_HOME and the like are."""
    readers = {named(path) for path in PRODUCT if _reads_environment(path)}
    known = {"wsgi.py", "portal/metrics.py", "portal/demo.py", "portal/settings.py", "native_bridge/client/keeping.py"}
    assert readers <= known


def test_tests_replace_nothing_of_ours() -> None:
    for path in modules("tests"):
        assert within(imports(path), "unittest.mock", "mock", "pytest_mock") == set(), named(path)
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "monkeypatch":
                assert node.attr in ("setenv", "delenv", "chdir"), f"{named(path)}:{node.lineno}"


def _reads_environment(path: Path) -> bool:
    return bool(within(imports(path), "os.environ", "os.getenv")) or any(
        isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv", "environb")
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        for node in ast.walk(tree(path))
    )
