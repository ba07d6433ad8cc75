"""What mails say: a text and an HTML template for each kind in `templates/mails/`, and the message made of them.

The first line of the text is the subject. Knows no Flask: mails are written for somebody who is not looking at a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel.dates import format_datetime as format_time
from babel.support import Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, meta, select_autoescape

_ROOT = Path(__file__).parents[1]
_TEMPLATES = _ROOT / "templates" / "mails"
_LANGUAGE = "en"
# What every mail may use besides its own values.
_GIVEN = frozenset({"base_url", "support_email", "lang", "_", "gettext", "ngettext"})


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail as it is read."""

    subject: str
    text: str
    html: str


def find_needs(kind: str) -> frozenset[str]:
    """The names of the values that mails of this kind are written with. Raises LookupError for an unknown kind."""
    return _needs(kind)


def write_letter(kind: str, values: Mapping[str, Any], *, base_url: str, support_email: str) -> Letter:
    """The mail of this kind with these values. A text among them is one line, whatever an organization is called."""
    lines = {name: " ".join(value.split()) if isinstance(value, str) else value for name, value in values.items()}
    shared = {"base_url": base_url, "support_email": support_email, **lines}
    text = _environment().get_template(f"{kind}.txt").render(shared)
    subject, _newline, body = text.partition("\n")
    subject = " ".join(subject.removeprefix("Subject:").split())
    html = _environment().get_template(f"{kind}.html").render({**shared, "subject": subject})
    return Letter(subject, body.strip() + "\n", html)


def make_message(letter: Letter, *, sender: str, support: str, recipient: str, at: int, name: str) -> EmailMessage:
    """The message (RFC 5322), both texts in it (RFC 2046 5.1.4).

    at -- epoch seconds; name -- what is unique about it, the same at every try, so that a mail that went out twice
    can be told to be one. Raises ValueError when an address is none.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("POINT", addr_spec=sender)
    message["To"] = Address(addr_spec=recipient)
    if support != sender:
        message["Reply-To"] = Address(addr_spec=support)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    message["Message-ID"] = f"<{name}@{sender.rpartition('@')[2]}>"
    # RFC 3834 section 5: nobody's absence notice answers this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text, cte=_encoding(letter.text))
    message.add_alternative(letter.html, subtype="html", cte=_encoding(letter.html))
    return message


def _show_time(at: int | str) -> str:
    """Epoch seconds as pages show them. A mail from before this version has its time in words already."""
    if isinstance(at, str):
        return at
    return f"{format_time(datetime.fromtimestamp(at, UTC), 'd MMM y, HH:mm', locale=_LANGUAGE)} UTC"


def _encoding(text: str) -> str:
    plain = text.isascii() and max(map(len, text.splitlines()), default=0) < 900
    return "7bit" if plain else "quoted-printable"


@cache
def _needs(kind: str) -> frozenset[str]:
    if not kind.replace("_", "").isalnum() or not (_TEMPLATES / f"{kind}.txt").is_file():
        raise LookupError(f"there is no mail {kind!r}")
    environment = _environment()
    sources = [(_TEMPLATES / f"{kind}.{part}").read_text() for part in ("txt", "html")]
    used = [meta.find_undeclared_variables(environment.parse(source)) for source in sources]
    return frozenset(set().union(*used) - _GIVEN - {"subject"})


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = Translations.load(str(_ROOT / "translations"), [_LANGUAGE])
    environment.globals["lang"] = _LANGUAGE
    environment.filters["time"] = _show_time
    environment.install_gettext_callables(catalogue.gettext, catalogue.ngettext, newstyle=True)  # type: ignore[attr-defined]
    return environment
