"""50,000 links that are nearly right, others in each run: the library agrees on each with a grammar that was written
apart from it. POINT_TEST_DEEP_LINKS=1000 tries as many thousands."""

from __future__ import annotations

import os
import re
from random import Random
from urllib.parse import quote

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from native_bridge.deep_links import login_state, parse_link, read_login_return, read_logout_return
from portal.errors import Refused
from portal.okta.callback import Code, Resume
from tests.native_bridge.test_deep_links import APP_LINK, ATTEMPTS, FRESH, HARMLESS, OTHER_ISSUER, SCHEME, SECONDS
from tests.okta.scripted import ISSUER, NOW

# -- how they are made -----------------------------------------------------------------------------------------------

NAMES = ("state", "code", "interaction_code", "otp", "error", "error_description", "iss", "response")
SPECIAL = (
    *"\t\n\r\0 \\/?#&=;%+:@.[]\"<>^`{|}~'!$()*,-_", "\x1f", "\x7f", "\x85", "\xa0", "\u2028", "\u202e", "\u200b", "о",
    "\u212a", "\u017f", "\uff0f", "\U0001f600", "\ud800", "%00", "%0a", "%0D%0A", "%20", "%2F", "%3f", "%26", "%3D",
    "%23", "%25", "%ff", "%c3%a9", "%C3", "%", "%4", "%zz", "%u0041", "%2563", "//", "///", "/./", "/../", "&&", "??",
    "##", "&state=", "&code=", "%73tate", "code", "state", "login", "logout", "A", "z", "0",
)  # fmt: skip
HEADS = (
    *[f"{SCHEME}:/login"] * 60, *[f"{SCHEME}:/logout", f"{SCHEME.upper()}:/login", APP_LINK, f"{APP_LINK}/logout"] * 3,
    f"{SCHEME}://login", f"{SCHEME}:///login", f"{SCHEME}:login", f"{SCHEME}:", f"{SCHEME}://evil.example/login",
    f"{SCHEME}://user@evil.example/login", f"{SCHEME}:/login/", f"{SCHEME}:/logins", f"{SCHEME}:/LOGIN", SCHEME,
    f"{SCHEME}:/%6Cogin", f"{SCHEME}:/./login", f"{SCHEME}:/logout/../login", f"{SCHEME}:/login;x",
    f"{SCHEME}.evil:/login", f"evil.{SCHEME}:/login", f"x:{SCHEME}:/login", f"https://{SCHEME}/login", "intent:/login",
    "javascript:/login", "http" + APP_LINK[5:], APP_LINK + "/", APP_LINK.replace("org/", "org.evil.example/"),
    f"{APP_LINK}/login", f"{APP_LINK}/logout/", f"{APP_LINK}er", "/login", "",
)  # fmt: skip
BAD_VALUES = (
    "", "%20", "+", "x", FRESH.state[:-1], FRESH.state + "x", FRESH.state.lower(), ATTEMPTS["S_OTHER"].state,
    "access_denied", "interaction_required", quote(OTHER_ISSUER, safe=""), quote(ISSUER + "/", safe=""), ISSUER,
    "a" * 257, "a" * 2049, "%61" * 1365, "a" * 4097, "%e4%bd%a0" * 40,
)  # fmt: skip
GOOD_VALUES = {"state": FRESH.state, "iss": quote(ISSUER, safe=""), "error": "access_denied"}


def nearly_right(chance: Random) -> str:
    """A link of ours, changed in nought to three places, most often where its structure is."""
    pairs = [(name, _value(chance, name)) for name in ("state", chance.choice(("code",) * 6 + NAMES[1:5]))]
    if chance.random() < 0.3:
        pairs.append(("iss", _value(chance, "iss")))
    changes = chance.choice((0, 1, 1, 1, 2, 2, 3))
    structural = [change for _ in range(changes) if (change := chance.choice(PAIR_CHANGES + (None,) * 4))]
    for change in structural:
        change(chance, pairs)
    chance.shuffle(pairs)
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    link = chance.choice(HEADS) + chance.choice(("?",) * 60 + ("", "??", "#", "%3F", "&")) + joined
    link += chance.choice(("",) * 20 + ("#_=_", "#code=x", "#&state=x", "&", "%"))
    for _ in range(changes - len(structural)):
        link = chance.choice(TEXT_CHANGES)(chance, link)
    return link


def _value(chance: Random, name: str) -> str:
    if chance.random() < 0.95:
        return GOOD_VALUES.get(name) or f"code-{chance.randrange(10**9)}"
    return chance.choice(BAD_VALUES)


def _repeat_pair(chance: Random, pairs: list[tuple[str, str]]) -> None:
    if pairs:
        name, value = chance.choice(pairs)
        pairs.append((name, chance.choice((value, "other"))))


def _add_pair(chance: Random, pairs: list[tuple[str, str]]) -> None:
    name = chance.choice((*NAMES, "foo", "id_token", "code_verifier", "code[]", "State", "?code", "", "st%61te"))
    pairs.append((name, _value(chance, name)))


def _drop_pair(chance: Random, pairs: list[tuple[str, str]]) -> None:
    if pairs:
        pairs.pop(chance.randrange(len(pairs)))


def _change_value(chance: Random, pairs: list[tuple[str, str]]) -> None:
    if pairs:
        place = chance.randrange(len(pairs))
        pairs[place] = (pairs[place][0], chance.choice(BAD_VALUES))


def _add_many(chance: Random, pairs: list[tuple[str, str]]) -> None:
    pairs.extend([("x", "y" * chance.choice((0, 1, 100)))] * chance.choice((60, 61, 62, 63, 64, 100)))


def _insert(chance: Random, link: str) -> str:
    place = chance.randrange(len(link) + 1)
    return link[:place] + chance.choice(SPECIAL) + link[place:]


def _replace(chance: Random, link: str) -> str:
    place = chance.randrange(len(link) + 1)
    return link[:place] + chance.choice(SPECIAL) + link[place + 1 :]


def _delete(chance: Random, link: str) -> str:
    place = chance.randrange(len(link) + 1)
    return link[:place] + link[place + chance.choice((1, 1, 1, 5)) :]


def _double(chance: Random, link: str) -> str:
    place = chance.randrange(len(link) + 1)
    return link[: place + chance.choice((1, 1, 8, 80))] + link[place:]


def _swap_case(chance: Random, link: str) -> str:
    place = chance.randrange(len(link) + 1)
    return link[:place] + link[place : place + 1].swapcase() + link[place + 1 :]


def _escape(chance: Random, link: str) -> str:
    place = chance.randrange(len(link) + 1)
    escaped = "".join(f"%{byte:02x}" for byte in link[place : place + 1].encode("utf-8", "replace"))
    return link[:place] + escaped + link[place + 1 :]


def _surround(chance: Random, link: str) -> str:
    before, after = chance.choice(SPECIAL), chance.choice(SPECIAL)
    return chance.choice((before + link, link + after, before + link + after))


def _stretch(chance: Random, link: str) -> str:
    return link.ljust(8192 + chance.choice((-1, 0, 1, 9000)), chance.choice("aä&"))


PAIR_CHANGES = (_repeat_pair, _add_pair, _drop_pair, _change_value, _change_value, _add_many)
TEXT_CHANGES = (*(_insert, _replace, _delete, _double, _swap_case, _escape) * 4, _surround, _stretch)

# -- what they are ---------------------------------------------------------------------------------------------------

# What a link of ours looks like, written down a second time and in another way: one grammar over the raw text.
SAFE = r"[!-\[\]-~]"
OURS = re.compile(
    rf"(?:[oO][rR][gG]\.[pP][oO][iI][nN][tT][aA][pP][pP]\.[pP][oO][iI][nN][tT]:(?P<own>/login|/logout)"
    rf"|{re.escape(APP_LINK)}(?P<claimed>/logout)?)"
    rf"(?:\?(?P<query>(?:(?!#){SAFE})*))?(?:#{SAFE}*)?",
)
ESCAPED = re.compile(r"(?:[^%]|%[0-9a-fA-F]{2})*")
LIMITS = {"state": 2048, "code": 4096, "interaction_code": 4096, "otp": 256, "error": 256, "error_description": 4096,
          "iss": 2048, "response": 8192}  # fmt: skip


def expected(link: str) -> tuple[str, str | None]:
    """(what kind of answer this is, what it says), or ("refused", the state of the login that this ends, if any)."""
    found = OURS.fullmatch(link)
    if not found or len(link) > 8192:
        return "refused", None
    query = found["query"] or ""
    values = _once(query) if ESCAPED.fullmatch(query) and query.count("&") < 64 else None
    if values is None:
        return "refused", None
    if "/logout" in (found["own"], found["claimed"]):
        login = {"code", "interaction_code", "otp"} & set(values)
        return ("refused", None) if login else ("logout", values.get("state") or None)
    if values.get("state") != FRESH.state:
        return "refused", None
    return _answer(values)


def _answer(values: dict[str, str]) -> tuple[str, str | None]:
    given = [(name, values[name]) for name in ("code", "interaction_code", "otp", "error") if name in values]
    if "response" not in values and values.get("iss", ISSUER) != ISSUER:
        return "refused", FRESH.state
    if "response" in values or len(given) != 1 or not given[0][1] or given[0][1].isspace():
        return "refused", None
    [(name, value)] = given
    if name == "error":
        return ("otp", None) if value == "interaction_required" else ("refused", FRESH.state)
    return (name, value) if re.fullmatch(r"[!-~]+", value) else ("refused", None)


def _once(query: str) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for part in query.split("&"):
        name, value = (_decoded(text) for text in (*part.split("=", 1), "")[:2])
        if name is None or value is None:
            return None
        if name not in LIMITS:
            continue
        if name in values or len(value) > LIMITS[name] or any(c < " " or c == "\x7f" for c in value):
            return None
        values[name] = value
    return values


def _decoded(text: str) -> str | None:
    data = bytearray()
    at = 0
    while at < len(text):
        if text[at] == "%":
            data.append(int(text[at + 1 : at + 3], 16))
            at += 3
        else:
            data.append(0x20 if text[at] == "+" else ord(text[at]))
            at += 1
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def got(link: str) -> tuple[str, str | None]:
    """What the library says, in the oracle's words. Anything but `Refused` is a failure."""
    try:
        parsed = parse_link(link, scheme=SCHEME, app_link=APP_LINK)
        if parsed.path == "/logout":
            return "logout", read_logout_return(parsed)
        found = read_login_return(parsed, FRESH, requires_iss=False, now=NOW, seconds=SECONDS)
        assert login_state(parsed) == FRESH.state
    except Refused as refused:
        return "refused", None if refused.problem in HARMLESS else FRESH.state
    if isinstance(found, Resume):
        return "otp", found.otp
    return ("code", found.code) if isinstance(found, Code) else ("interaction_code", found.interaction_code)


def check(link: str) -> str:
    """Accepts what the grammar accepts, with what it says, and nothing else; ends a login only as the grammar does."""
    wanted, found = expected(link), got(link)
    assert found == wanted, f"{link!r}"
    return found[0]


# -- that they are decided rightly -------------------------------------------------------------------------------------


@given(st.randoms(use_true_random=False))
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_nearly_right_link_is_decided_as_the_grammar_says(chance: Random) -> None:
    """The same links as below, fewer, and each made of Hypothesis's own choices, so that a failure shrinks."""
    check(nearly_right(chance))


BATCH, BATCHES = 1000, int(os.environ.get("POINT_TEST_DEEP_LINKS", "50"))


@given(st.integers(0, 2**64 - 1))
@settings(max_examples=BATCHES, deadline=None, database=None, phases=[Phase.generate])
def test_of_50_000_nearly_right_links_none_is_wrongly_accepted(seed: int) -> None:
    chance = Random(seed)
    for _ in range(BATCH):
        check(nearly_right(chance))


def test_the_nearly_right_links_are_of_all_kinds() -> None:
    chance = Random(1)
    kinds = [check(nearly_right(chance)) for _ in range(4000)]
    shares = {kind: kinds.count(kind) / len(kinds) for kind in set(kinds)}
    assert set(shares) == {"refused", "code", "interaction_code", "otp", "logout"}
    assert 0.5 < shares["refused"] < 0.9
