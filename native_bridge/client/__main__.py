"""The commands: what is typed, what is printed. Plain sentences for people, with `--json` one object a line; exit 0
done, 1 refused, 2 wrong usage."""

from __future__ import annotations

import json
import sys
import time
import webbrowser
from argparse import ArgumentParser, Namespace

from native_bridge.client import desktop, logins, tokens
from native_bridge.client.server import Json, Refused, call, demand_server, demand_web_page

Said = tuple[str, Json]
_SERVER = "https://dash.pointapp.org"


def log_in(given: Namespace) -> Said:
    """Finds out how, starts a login, opens the browser and waits for the deep link."""
    server = demand_server(given.server)
    wish: Json = {"login_hint": given.email} if given.email else {}
    slug = given.organization
    if given.email and not slug:
        organization = call(server, "POST", "/discover", {"email": given.email})["organization"]
        slug = organization["slug"] if organization else None
    if slug:  # Without one, POINT's own page asks the person.
        wish["organization"] = slug
    if given.password:
        wish["method"] = "password"
    name, url = logins.begin(server, wish, with_dpop=given.dpop)
    open_browser(given, url)
    outcome = logins.wait(name, lambda note: print_line(given, note, {"note": note}))
    return f"Logged in as {_name_of(outcome)}.", outcome


def log_out(given: Namespace) -> Said:
    """Ends the login here and at POINT, and with --okta the session in the browser, too."""
    try:
        server, answer = tokens.log_out(okta=given.okta)
    except Refused as refused:
        if refused.code == "logged_out":
            return "You were logged out already.", {"logged_out": True, "okta": None}
        refused.title = "You are logged out here, but POINT could not be told."
        refused.detail = "End this login in POINT under your account, too."
        raise
    if not answer["logout_url"]:
        return "You are logged out.", {"logged_out": True, "okta": None}
    name = logins.begin_logout(server, answer["state"]) if answer["state"] else ""
    open_browser(given, demand_web_page(answer["logout_url"]))
    if not name:  # This Okta only knows the way back to POINT's own page.
        return "You are logged out. The browser ends your session at Okta.", {"logged_out": True, "okta": "opened"}
    outcome = logins.wait(name, lambda note: print_line(given, note, {"note": note}))
    return _left(outcome), outcome


def open_link(given: Namespace) -> Said:
    """What the operating system calls with the deep link, in a process that may know nothing but what is on file."""
    if logins.is_test(given.url):
        outcome = logins.hand_over(given.url, demand_server(given.server))
        return "You are signed out at Okta; that was part of a test login.", {"test_login": True, **outcome}
    outcome = logins.finish(given.url)
    if "user" in outcome:
        return f"Logged in as {_name_of(outcome)}.", outcome
    return _left(outcome), outcome


def show_who(_given: Namespace) -> Said:
    """Who is logged in."""
    me = tokens.use("GET", "/me")
    return f"Logged in as {_name_of(me)}, by {me['method']}.", {"logged_in": True, **me}


def refresh(_given: Namespace) -> Said:
    """Asks for fresh tokens now; they are asked for by themselves where one is needed."""
    login = tokens.refresh(tokens.load())
    seconds = round(login.expires - time.time())
    return f"Fresh tokens, good for {seconds} seconds.", {"refreshed": True, "expires_in": seconds}


def show_sessions(given: Namespace) -> Said:
    """Lists this person's logins, or ends one."""
    if given.end:
        tokens.use("DELETE", f"/sessions/{given.end}")
        return "That login is over.", {"ended": given.end}
    sessions = tokens.use("GET", "/sessions")
    lines = [
        f"{each['id']}  {each['kind']:5}  {each['device'] or '-'}{'  (this one)' if each['current'] else ''}"
        for each in sessions["sessions"]
    ]
    return "\n".join(lines), sessions


def register(_given: Namespace) -> Said:
    """Makes this client the one that the desktop gives POINT's deep links to."""
    new = desktop.register()
    text = "opens POINT's links from now on" if new else "opens POINT's links already"
    return f"This client {text}.", {"registered": True, "changed": new}


def unregister(_given: Namespace) -> Said:
    """Takes that back."""
    gone = desktop.unregister()
    text = "The links are opened as they were before." if gone else "This client was not registered."
    return text, {"registered": False, "changed": gone}


def open_browser(given: Namespace, url: str) -> None:
    """The system browser, never a window of our own: nobody should learn to type a password into an app."""
    if given.print_url or not webbrowser.open(url):
        print_line(given, f"Open this address in your browser:\n{url}", {"open": url})
    else:
        print_line(given, "The browser is open; go on there.", {"opened": True})


def print_line(given: Namespace, text: str, for_programs: Json, *, refused: bool = False) -> None:
    """One line, at once: whoever reads it may have to do something before the next."""
    stream = sys.stderr if refused and not given.json else sys.stdout
    stream.write((json.dumps(for_programs) if given.json else text) + "\n")
    stream.flush()


def _left(outcome: Json) -> str:
    if outcome["okta"] == "ended":
        return "You are logged out of POINT and Okta."
    return "You are logged out of POINT. Okta may still know you: if others use this device, sign out there, too."


def _name_of(who: Json) -> str:
    user, organization = who["user"], who["organization"]
    return f"{user['name'] or user['email']} ({user['email']}), {user['role']} of {organization['name']}"


def _parser() -> ArgumentParser:
    every = ArgumentParser(add_help=False)
    every.add_argument("--json", action="store_true", help="one JSON object a line")
    browser = ArgumentParser(add_help=False)
    browser.add_argument("--print-url", action="store_true", help="print the address in the place of opening it")
    parser = ArgumentParser(prog="python -m native_bridge.client", description="Log in to POINT as its app does.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, about: str, *more: ArgumentParser) -> ArgumentParser:
        one = commands.add_parser(name, help=about, description=about, parents=[every, *more])
        one.set_defaults(run=run)
        return one

    login = command("login", log_in, "log in with the system browser", browser)
    login.add_argument("--server", default=_SERVER, help=f"POINT's address ({_SERVER})")
    login.add_argument("--organization", metavar="SLUG", help="whose login page; otherwise the e-mail address tells")
    login.add_argument("--email", metavar="ADDRESS", help="filled in for you at Okta")
    login.add_argument("--password", action="store_true", help="with a POINT password, not by Okta")
    login.add_argument("--dpop", action="store_true", help="bind the tokens to a key of this device")
    command("whoami", show_who, "who is logged in")
    command("refresh", refresh, "ask for fresh tokens now")
    sessions = command("sessions", show_sessions, "where you are logged in")
    sessions.add_argument("--end", metavar="ID", help="end one of them")
    logout = command("logout", log_out, "log out here and at POINT", browser)
    logout.add_argument("--okta", action="store_true", help="at Okta, too, with the browser")
    command("register", register, "let the desktop give POINT's deep links to this client")
    command("unregister", unregister, "take that back")
    link = command("open", open_link, "finish what a deep link belongs to")
    link.add_argument("url", metavar="URL")
    link.add_argument("--server", default=_SERVER, help=f"POINT's address, for a test login ({_SERVER})")
    return parser


def main(arguments: list[str]) -> int:
    """Runs one command; answers its exit status."""
    given = _parser().parse_args(arguments)
    try:
        text, for_programs = given.run(given)
    except Refused as refused:
        parts = (refused.title, refused.detail, refused.reference and f"(Reference {refused.reference})")
        print_line(given, " ".join(filter(None, parts)), refused.as_json(), refused=True)
        return 1
    except KeyboardInterrupt:
        said = "Not waiting any longer. If you finish in the browser, it still counts."
        print_line(given, said, {"error": "not_waiting", "title": said}, refused=True)
        return 1
    finally:
        logins.clean()
    print_line(given, text, for_programs)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
