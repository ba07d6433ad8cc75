"""Which tests there are, read without running them, and what a list of cases may say of a case: the tests that prove
it, by file and name, or why there is none."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.house.sources import ROOT, modules, named, tree

_TEST = re.compile(r"[\w/.]+::\w+")
# A reason has to be true today.
STALE = re.compile(r"\b(yet|later|not there|comes|for now|so far)\b", re.IGNORECASE)


@cache
def test_names() -> frozenset[str]:
    """Every test function, as "tests/web/test_x.py::test_y"."""
    return frozenset(
        f"{named(path)}::{node.name}"
        for path in modules("tests")
        if path.name.startswith("test_")
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


test_names.__test__ = False  # type: ignore[attr-defined]


def is_test(name: str) -> bool:
    """Whether there is a test of this name, or a program of the benchmarks ("bench/x.py::main")."""
    if name.startswith("bench/"):
        path, _, function = name.partition("::")
        return (ROOT / path).exists() and any(
            isinstance(node, ast.FunctionDef) and node.name == function for node in tree(ROOT / path).body
        )
    return name in test_names()


@cache
def named_after(prefix: str) -> dict[str, frozenset[str]]:
    """The tests whose names carry a case's id, by that id: test_flt_12_84_this_and_that proves FLT-12 and FLT-84."""
    found: dict[str, set[str]] = {}
    for name in test_names():
        carried = re.match(rf"test_{prefix.lower()}_((?:\d+_)+)", name.partition("::")[2])
        for number in carried[1].split("_")[:-1] if carried else []:
            found.setdefault(f"{prefix}-{number}", set()).add(name)
    return {case: frozenset(names) for case, names in found.items()}


def faults_of(listed: dict[str, str]) -> list[str]:
    """What is wrong with a list: a test that it names and that there is not, or a reason that is none today."""
    found = []
    for case, said in listed.items():
        tests = _TEST.findall(said)
        found += [f"{case}: there is no {name}" for name in tests if not is_test(name)]
        if not tests and (len(said) < 15 or STALE.search(said)):
            found.append(f"{case}: {said!r} is no reason")
    return found
