"""What makes a Linux desktop hand POINT's deep links to this client, and how all of that is taken back.

`xdg-open`, which browsers call, looks the scheme up in `mimeapps.list`, finds a `.desktop` file there and runs its
`Exec`. Without a desktop environment it does so only where DISPLAY or WAYLAND_DISPLAY is set, and it cuts `Exec` at
blanks whatever is quoted: so `Exec` names a small script that knows where Python and this package are.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from native_bridge.client import keeping
from native_bridge.client.logins import SCHEME
from native_bridge.client.server import Refused

_MIME = f"x-scheme-handler/{SCHEME}"
_DESKTOP = f"{SCHEME}.client.desktop"
_SECTION = "[Default Applications]"
_ENTRY = """\
[Desktop Entry]
Type=Application
Name=POINT
Comment=Finishes a login to POINT
Exec={launcher} %u
MimeType={mime};
NoDisplay=true
Terminal=false
"""
_LAUNCHER = """\
#!/bin/sh
PYTHONPATH={root} exec {python} -m native_bridge.client open "$1"
"""


def register() -> bool:
    """Makes this client the one that opens POINT's deep links; False when it was already. Raises Refused."""
    _demand_linux()
    for path in (_applications(), _launcher().parent, _list().parent):
        path.mkdir(parents=True, exist_ok=True)
    root = Path(__file__).resolve().parents[2]
    launcher = _LAUNCHER.format(root=shlex.quote(str(root)), python=shlex.quote(sys.executable))
    keeping.write_file(_launcher(), launcher.encode(), 0o700)
    entry = _ENTRY.format(launcher=_launcher(), mime=_MIME)
    keeping.write_file(_applications() / _DESKTOP, entry.encode(), 0o644)
    before = _read_list()
    if _default(before) == _DESKTOP:
        return False
    # On file first: what a killed process leaves can still be taken back.
    keeping.write("handler", {"before": before, "after": None}, secret=False)
    _make_default(before)
    keeping.write("handler", {"before": before, "after": _read_list()}, secret=False)
    return True


def unregister() -> bool:
    """Takes all of it back; False when there was nothing. What others have changed in the list since stays."""
    known = keeping.read("handler")
    if known is None:
        return False
    before, now = known["before"], _read_list()
    if now == known["after"]:
        _write_list(before)
    elif now is not None and _default(now) == _DESKTOP:
        _write_list(_with_default(now, _default(before)))
    (_applications() / _DESKTOP).unlink(missing_ok=True)
    _launcher().unlink(missing_ok=True)
    keeping.remove("handler")
    return True


def _demand_linux() -> None:
    if sys.platform != "linux":
        raise Refused("not_linux", "Only Linux can be told by a command which program opens a link.")
    if " " in str(_launcher()):
        raise Refused("path_refused", "xdg-open cannot start programs below a folder with a blank in its name.")


def _applications() -> Path:
    return keeping.xdg("DATA", ".local/share") / "applications"


def _launcher() -> Path:
    return keeping.xdg("DATA", ".local/share") / "point" / "open-link"


def _list() -> Path:
    return keeping.xdg("CONFIG", ".config") / "mimeapps.list"


def _read_list() -> str | None:
    return _list().read_text() if _list().exists() else None


def _write_list(text: str | None) -> None:
    """As it was before there was one: none."""
    if text is None:
        _list().unlink(missing_ok=True)
    else:
        keeping.write_file(_list().resolve(), text.encode(), 0o644)


def _make_default(before: str | None) -> None:
    """By xdg-mime, which knows the desktops' own ways, or in the list that they all read."""
    command = shutil.which("xdg-mime")
    if command is not None:
        subprocess.run([command, "default", _DESKTOP, _MIME], check=False, stdout=subprocess.DEVNULL)  # noqa: S603
    if _default(_read_list()) != _DESKTOP:
        _write_list(_with_default(before or "", _DESKTOP))


def _default(text: str | None) -> str:
    """Which `.desktop` file the list names for our scheme, or ""."""
    return next((line.partition("=")[2].strip() for _, line in _lines_of_ours(text or "")), "")


def _lines_of_ours(text: str) -> list[tuple[int, str]]:
    section, found = "", []
    for number, line in enumerate(text.splitlines()):
        section = line.strip() if line.startswith("[") else section
        if section == _SECTION and line.partition("=")[0].strip() == _MIME:
            found.append((number, line))
    return found


def _with_default(text: str, desktop: str) -> str:
    """The list with this `.desktop` file for our scheme, or with none; all else stays where it is."""
    lines, ours = text.splitlines(), [number for number, _ in _lines_of_ours(text)]
    line = [f"{_MIME}={desktop}"] if desktop else []
    if ours:
        lines[ours[0] : ours[0] + 1] = line
    elif _SECTION in lines:
        lines[lines.index(_SECTION) + 1 : lines.index(_SECTION) + 1] = line
    elif line:
        lines += [_SECTION, *line]
    return "".join(f"{each}\n" for each in lines)
