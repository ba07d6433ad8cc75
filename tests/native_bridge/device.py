"""A device with the reference client on it: a home folder of its own, and every command a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.world import Visitor, World

ROOT = Path(__file__).parents[2]
CLIENT = [sys.executable, "-m", "native_bridge.client"]
LINK = "org.pointapp.point:"
Json = dict[str, Any]


class Waiting:
    """A command that has printed an address and waits for the deep link."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.url: str = self.line()["open"]

    def line(self) -> Json:
        """The next that it prints."""
        assert self.process.stdout is not None
        line: Json = json.loads(self.process.stdout.readline())
        return line

    def interrupt(self) -> Json:
        """What Ctrl-C makes of it."""
        self.process.send_signal(signal.SIGINT)
        return self.end(code=1)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def end(self, code: int = 0) -> Json:
        """Its last line, once it is through with this exit status."""
        # Not `communicate`, which with a time limit misses what `line` has read ahead.
        assert self.process.stdout is not None
        limit = threading.Timer(30, self.process.kill)
        limit.start()
        said = self.process.stdout.read()
        limit.cancel()
        assert self.process.wait(10) == code, said
        last: Json = json.loads(said.splitlines()[-1])
        return last


class Device:
    """`environment` goes to every command. Whoever installs the tests may have a keyring, which stays untouched."""

    def __init__(self, home: Path, world: World, **environment: str) -> None:
        self.world, self.home = world, home
        home.mkdir(exist_ok=True)
        known = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
        self.environment = {**known, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", **environment}
        self.folder = home / ".local" / "state" / "point"
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that goes on by itself."""
        command = [*CLIENT, *arguments]
        process = subprocess.Popen(
            command, cwd=self.home, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, code: int = 0) -> Json:
        """What a command answers to programs."""
        process = self.start(*arguments, "--json")
        said, _ = process.communicate(timeout=60)
        assert process.returncode == code, said
        answer: Json = json.loads(said.splitlines()[-1])
        return answer

    def say(self, *arguments: str, code: int = 0) -> str:
        """What a command answers to people."""
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == code, said
        return said.strip()

    def login(self, *more: str, server: str = "") -> Waiting:
        """A login as far as the browser."""
        where = ("--server", server or self.world.base, "--email", "alice@acme.example")
        return Waiting(self.start("login", *where, "--print-url", "--json", *more))

    def log_in(self, *more: str, server: str = "") -> Visitor:
        """A whole login by Okta; answers the browser it went through."""
        waiting, alice = self.login(*more, server=server), self.world.alice
        self.run("open", sign_in(alice, waiting.url))
        assert waiting.end()["logged_in"] is True
        return alice

    def kept(self) -> Json:
        """The tokens on file."""
        kept: Json = json.loads((self.folder / "login.json").read_text())
        return kept

    def files(self) -> dict[str, str]:
        """All that is kept, but for the locks."""
        return {path.name: path.read_text() for path in self.folder.glob("*") if path.suffix != ".lock"}

    def change(self, pattern: str, **changes: Any) -> None:
        """Alters what is on file, at once, since a client may be reading it."""
        [path] = self.folder.glob(pattern)
        beside = self.home / "changed"
        beside.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
        beside.replace(path)

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=10)


@contextmanager
def device(home: Path, world: World, **environment: str) -> Iterator[Device]:
    """A device whose processes end with the test."""
    found = Device(home, world, **environment)
    try:
        yield found
    finally:
        found.close()


def sign_in(visitor: Visitor, url: str) -> str:
    """Goes to Okta, signs in, and answers the deep link that Okta leads to."""
    page = visitor.get(url)
    answer = visitor.sign_in_at_okta(page) if "identifier" in page.text else page
    return deep_link(visitor.follow(answer, until=LINK))


def deep_link(answer: Any) -> str:
    """Where a browser would have to ask the system for the app."""
    link: str = answer.headers["Location"]
    assert link.startswith(LINK)
    return link


def without_commands(folder: Path, *names: str) -> str:
    """A PATH on which only these commands are found."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return str(folder)
