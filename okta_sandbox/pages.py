"""The HTML a person at Okta sees: the sign-in page, and the page for errors that may not be redirected."""

import json
from html import escape

STYLE = """
:root { color-scheme: light dark; --line: #8c8c96; --accent: #1662dd; }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 72rem; }
main { max-width: 26rem; margin: 8vh auto; padding: 2rem; border: 1px solid var(--line); border-radius: .5rem; }
main.wide { max-width: none; margin: 1rem 0; }
label { display: block; font-weight: 600; margin-top: 1rem; }
input[type=text], input[type=password], input[type=email], input[type=number] {
  font: inherit; width: 100%; padding: .6rem; border: 1px solid var(--line); border-radius: .3rem; }
button { font: inherit; padding: .5rem 1rem; border: 0; border-radius: .3rem; background: var(--accent); color: #fff;
  cursor: pointer; }
main:not(.wide) > form > button { width: 100%; margin-top: 1.5rem; padding: .7rem; }
[role=alert] { padding: .6rem .8rem; border-left: .3rem solid #c4260e; font-weight: 600; }
.mark { font-size: .85rem; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; font-weight: 600; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  overflow-wrap: break-word; }
fieldset { border: 1px solid var(--line); border-radius: .3rem; margin: 0 0 1rem; min-width: 0; columns: 3 15rem;
  overflow-wrap: anywhere; }
fieldset label { font-weight: 400; margin: 0; break-inside: avoid; }
.row { display: inline; }
.scroll { overflow-x: auto; }
"""


def lay_out(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{body}</body></html>"
    )


def sign_in_page(org_name: str, state_token: str, identifier: str, problem: str = "") -> str:
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    focus = ("", " autofocus") if identifier else (" autofocus", "")
    return lay_out(f"{org_name} - Sign In", f"""<main>
<p class="mark">Sandbox Okta: an imitation for demo and tests</p>
<h1>{escape(org_name)}</h1><h2>Sign in</h2>{alert}
<form method="post" action="/login/login.htm">
<input type="hidden" name="stateToken" value="{escape(state_token)}">
<label for="identifier">Username</label>
<input type="text" id="identifier" name="identifier" value="{escape(identifier)}" autocomplete="username"
 autocapitalize="none" required{focus[0]}>
<label for="password">Password</label>
<input type="password" id="password" name="password" autocomplete="current-password" required{focus[1]}>
<button type="submit">Sign in</button>
</form></main>""")


def provider_page(provider: dict[str, str], state_token: str, identifier: str = "", problem: str = "") -> str:
    """An identity provider outside of Okta; nothing is kept of it but this form."""
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return lay_out(f"{provider['name']} - Sign In", f"""<main>
<p class="mark">Sandbox identity provider: an imitation for demo and tests</p>
<h1>{escape(provider["name"])}</h1><h2>Sign in</h2>{alert}
<form method="post" action="/sso/idps/{escape(provider["id"])}">
<input type="hidden" name="stateToken" value="{escape(state_token)}">
<label for="identifier">Username</label>
<input type="text" id="identifier" name="identifier" value="{escape(identifier)}" autocomplete="username"
 autocapitalize="none" required>
<label for="password">Password</label>
<input type="password" id="password" name="password" autocomplete="current-password" required>
<button type="submit">Sign in</button>
<p><button type="submit" name="cancel" value="1" formnovalidate>Cancel</button></p>
</form></main>""")


def notice_page(org_name: str, title: str, text: str) -> str:
    body = f'<main><p class="mark">Sandbox Okta</p><h1>{escape(title)}</h1><p>{escape(text)}</p></main>'
    return lay_out(f"{org_name} - {title}", body)


def error_page(org_name: str, error: str, description: str) -> str:
    """As Okta's own page: a program can read `#error-code` and `#error-description`."""
    logged = json.dumps(f"error.errorCode: {error}, error.description: {description}").replace("<", "\\u003c")
    return lay_out(f"{org_name} - Bad Request", f"""<main class="error">
<p class="mark">Sandbox Okta</p>
<h1>Your request resulted in an error.</h1>
<h2 id="idp-type">Identity Provider: Unknown</h2>
<h2 id="error-code">Error Code: {escape(error)}</h2>
<h2 id="error-description">Description: {escape(description, quote=False)}</h2>
<script>console.error({logged});</script></main>""")
