"""The HTML of the sandbox's own page. Every control is a plain form, so it works without JavaScript."""

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape

from okta_sandbox.breakages import BREAKAGES
from okta_sandbox.directory import App, Person
from okta_sandbox.faults import FAULTS, GROUPS
from okta_sandbox.org import Org
from okta_sandbox.pages import lay_out
from okta_sandbox.ticks import app_grants, rule_grants

SETTINGS = {
    "interaction_code": "Interaction Code",
    "classic_engine": "Classic Engine",
    "api_access_management": "API Access Management",
    "email_code": "E-mail code as second factor of an embedded sign-in",
    "identity_provider": "External identity provider for an embedded sign-in",
}
RECENT = 50


def show_panel(org: Org) -> str:
    sections = (show_people(org), show_apps(org), show_origins(org), show_policies(org), show_settings(org),
                show_mails(org), show_faults(org), show_keys(org), show_requests(org))
    return lay_out(f"{org.name} - Sandbox Okta", f"""<main class="wide">
<p class="mark">Sandbox Okta: an imitation for demo and tests. Nothing on this page exists at Okta.</p>
<h1>{escape(org.name)}</h1>{''.join(sections)}</main>""")


def show_table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    table = f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll" role="region" aria-label="{escape(caption)}" tabindex="0">{table}</div>'


def show_people(org: Org) -> str:
    rows = [
        (
            f"{escape(person.name)}<br>{escape(person.email)}",
            ("active" if person.active else "deactivated") + person_button(
                person, "deactivate" if person.active else "activate",
                f"{'Deactivate' if person.active else 'Activate'} {person.email}",
            ),
            str(sum(session.person_id == person.id for session in org.live_sessions())) + person_button(
                person, "sign_out", f"End sessions of {person.email}",
            ) + logout_button(person),
            "<br>".join(show_assignment(org, person, app) for app in org.apps.values()),
            show_groups(org, person),
            ("password, then a code by e-mail" if person.email_code else "password") + person_button(
                person, "waive_code" if person.email_code else "require_code",
                f"{'Waive' if person.email_code else 'Require'} code of {person.email} by e-mail",
            ),
        )
        for person in org.people_by_id.values()
    ]
    heads = ("Person", "State", "Sessions", "Apps", "Groups", "Embedded sign-in")
    return '<h2 id="people">People</h2>' + show_table("Who can sign in", heads, rows) + show_new_group(org)


def show_groups(org: Org, person: Person) -> str:
    """In Everyone is everybody, so nobody is taken out of it."""
    lines = []
    for group_id, group in org.groups.items():
        name, inside = group["profile"]["name"], group_id in org.groups_of(person)
        if group["type"] == "BUILT_IN":
            lines.append(escape(name))
            continue
        action, text = ("take_out", "Take out") if inside else ("put_in", "Put in")
        lines.append(
            f'{escape(name)}: {"in it" if inside else "not in it"} <form class="row" method="post" '
            f'action="/sandbox/people"><input type="hidden" name="email" value="{escape(person.email)}">'
            f'<input type="hidden" name="group" value="{escape(name)}"><button name="action" value="{action}" '
            f'aria-label="{text} {escape(person.email)}: {escape(name)}">{text}</button></form>'
        )
    return "<br>".join(lines)


def show_new_group(org: Org) -> str:
    options = "".join(f"<option>{escape(person.email)}</option>" for person in org.people_by_id.values())
    return (
        '<form method="post" action="/sandbox/people"><p><label>New group <input name="group" maxlength="255"></label> '
        f'<label>with <select name="email">{options}</select></label> '
        '<button name="action" value="put_in">Make group</button></p></form>'
    )


def show_assignment(org: Org, person: Person, app: App) -> str:
    assigned = app.assigned(person, org.groups_of(person))
    action = "unassign" if assigned else "assign"
    label = f"{action.capitalize()} {person.email}: {app.json['label']}"
    said = f"{escape(app.json['label'])}: {'assigned' if assigned else 'not assigned'}"
    return said + person_button(person, action, label, app.client_id)


def person_button(person: Person, action: str, label: str, client_id: str = "") -> str:
    text = {"sign_out": "End sessions", "require_code": "Require code", "waive_code": "Waive code"}.get(
        action, action.capitalize())
    return (
        ' <form class="row" method="post" action="/sandbox/people">'
        f'<input type="hidden" name="email" value="{escape(person.email)}">'
        f'<input type="hidden" name="client_id" value="{escape(client_id)}">'
        f'<button name="action" value="{action}" aria-label="{escape(label)}">{text}</button></form>'
    )


def logout_button(person: Person) -> str:
    return (
        ' <form class="row" method="post" action="/sandbox/universal-logout">'
        f'<input type="hidden" name="email" value="{escape(person.email)}">'
        f'<button aria-label="Universal Logout of {escape(person.email)}">Universal Logout</button></form>'
    )


def show_apps(org: Org) -> str:
    rows = [
        (
            escape(app.json["label"]), f"<code>{escape(app.client_id)}</code>", escape(app.oauth["application_type"]),
            escape(", ".join(app_grants(org, app))), "<br>".join(escape(uri) for uri in app.oauth["redirect_uris"]),
            "<br>".join(escape(uri) for uri in app.oauth.get("post_logout_redirect_uris") or []),
            "active" if app.active else "inactive",
        )
        for app in org.apps.values()
    ]
    heads = ("App", "Client ID", "Type", "Grants", "Sign-in redirect URIs", "Sign-out redirect URIs", "State")
    return '<h2 id="apps">Apps</h2>' + show_table("App integrations", heads, rows)


def show_box(name: str, label: str, *, on: bool) -> str:
    return f'<label><input type="checkbox" name="{name}"{" checked" if on else ""}> {escape(label)}</label>'


def show_settings(org: Org) -> str:
    boxes = "".join(
        show_box(name, label, on=bool(getattr(org.settings, name))) for name, label in SETTINGS.items()
    )
    return (
        '<h2 id="settings">Org settings</h2><form method="post" action="/sandbox/settings">'
        f"<fieldset><legend>What this org has</legend>{boxes}</fieldset>"
        "<button>Save org settings</button></form>"
    )


def show_mails(org: Org) -> str:
    """Nobody delivers these e-mails; a code or a link is read here."""
    rows = [
        (
            show_clock(mail.time), escape(mail.to), escape(mail.subject), f"<code>{escape(mail.code)}</code>",
            f'<a href="{escape(mail.link)}">{escape(mail.link)}</a>',
        )
        for mail in reversed(list(org.mails)[-RECENT:])
    ]
    heads = ("Time", "To", "Subject", "Code", "Link")
    return '<h2 id="mails">Mailbox</h2>' + show_table("E-mails, newest first", heads, rows)


def show_faults(org: Org) -> str:
    """Two kinds in one form: what is undone in the org, and what is wrong with its answers."""
    on = org.switches()
    broken: dict[str, dict[str, str]] = {}
    for name, breakage in BREAKAGES.items():
        broken.setdefault(breakage.group, {})[name] = breakage.said
    faulty = {group: {name: FAULTS[name] for name in names} for group, names in GROUPS.items()}
    return (
        '<h2 id="faults">Breakages and faults</h2><form method="post" action="/sandbox/switches">'
        "<h3>Steps of the set-up that are missing or undone</h3>"
        + "".join(show_group(group, names, on) for group, names in broken.items())
        + "<h3>Answers that go wrong; the org stays as it is</h3>"
        + "".join(show_group(group, names, on) for group, names in faulty.items()) +
        '<label for="delay_ms">Delay of slow_everything, in milliseconds</label>'
        f'<input type="number" min="0" id="delay_ms" name="delay_ms" value="{org.delay_ms}">'
        "<p><button>Save faults</button></p></form>"
    )


def show_group(group: str, names: dict[str, str], on: dict[str, bool]) -> str:
    boxes = "".join(show_box(name, f"{name} ({said})", on=on[name]) for name, said in names.items())
    return f"<fieldset><legend>{escape(group)}</legend>{boxes}</fieldset>"


def show_origins(org: Org) -> str:
    rows = [
        (escape(entry["name"]), f"<code>{escape(entry['origin'])}</code>",
         escape(", ".join(scope["type"] for scope in entry["scopes"])), escape(entry["status"]))
        for entry in list(org.origins.values())
    ]
    return '<h2 id="origins">Trusted Origins</h2>' + show_table("Origins", ("Name", "Origin", "For", "State"), rows)


def show_policies(org: Org) -> str:
    """The org's own authorization server has none."""
    rows = [
        (escape(server.id), escape(policy["name"]), escape(rule["name"]), escape(", ".join(rule_grants(org, rule))),
         escape(f"{policy['status']}, {rule['status']}"))
        for server in list(org.servers.values())
        for policy in list(server.policies.values())
        for rule in list(server.rules[policy["id"]].values())
    ]
    heads = ("Authorization server", "Policy", "Rule", "Grants", "State of policy and rule")
    return '<h2 id="policies">Access Policies</h2>' + show_table("Rules", heads, rows)


def show_keys(org: Org) -> str:
    rows = [
        (escape(server.id or "org"), escape(org.ring(server.id).active.kid), escape(org.ring(server.id).next.kid))
        for server in org.servers.values()
    ]
    return (
        '<h2 id="keys">Signing keys</h2>' + show_table("Key ids", ("Authorization server", "Active", "Next"), rows)
        + '<form method="post" action="/sandbox/rotate"><p><button>Rotate keys now</button></p></form>'
    )


def show_clock(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%H:%M:%S")


def show_requests(org: Org) -> str:
    """Names of parameters only: values hold codes and tokens."""
    recent = list(org.seen)[-RECENT:]
    rows = [
        (
            show_clock(seen.time), escape(seen.method), escape(seen.path),
            escape(", ".join([*seen.query, *seen.form])),
        )
        for seen in reversed(recent)
    ]
    heads = ("Time", "Method", "Path", "Parameters")
    return '<h2 id="requests">Recent requests</h2>' + show_table("Newest first", heads, rows)
