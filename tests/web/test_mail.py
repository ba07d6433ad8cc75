"""Mail on its way: written with its transaction, off the page, once, tried again, given up; to a real SMTP server."""

from __future__ import annotations

import email
import email.policy
import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from portal.letters import find_needs, make_message, write_letter
from portal.mail import finish_sending, is_address, queue_mail, send_due
from portal.services import Services
from portal.settings import SettingsError, read_settings
from tests.conftest import Stage
from tests.mail_server import MailServer, link_in, mail_server, text_of, wait_until
from tests.words import jargon_on
from tests.world import World, make_world

TO = "olivia@acme.example"
LINK = "http://localhost:5000/login/password/" + "x" * 43
KINDS = sorted(path.stem for path in (Path(__file__).parents[2] / "templates" / "mails").glob("*.txt"))
DAY = 86400


@pytest.fixture
def world(plain: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return plain


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def office(stage: Stage, tmp_path: Path, server: MailServer) -> Iterator[World]:
    """A portal that hands its mails to `server`."""
    with make_world(stage, tmp_path, smtp_url=server.url()) as world:
        yield world


def write(services: Services, to: str = TO, *, fail: bool = False, **more: Any) -> None:
    """One mail, in a transaction of its own."""
    with services.db.writing() as connection:
        queue_mail(services, connection, to=to, kind="password_forgot", email=to, minutes=30, link=LINK, **more)
        if fail:
            raise ZeroDivisionError


def rows(world: World) -> list[dict[str, Any]]:
    with world.services.db.reading() as connection:
        return [dict(row._mapping) for row in connection.execute(text("SELECT * FROM mails ORDER BY id"))]


def rest(world: World) -> list[dict[str, Any]]:
    """What is in the table once nothing is being sent."""
    finish_sending(world.services, 20)
    return rows(world)


# -- one that goes out -----------------------------------------------------------------------------------------------


def test_a_mail_arrives_with_both_texts_and_everything_a_mail_needs(office: World, server: MailServer) -> None:
    write(office.services)
    (mail,) = server.wait_for()
    assert mail["To"] == TO
    assert mail["From"] == "POINT <support@pointapp.org>"
    assert mail["Subject"] == "Set a new password for POINT"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@pointapp.org>")
    assert abs(mail["Date"].datetime.timestamp() - time.time()) < 60
    assert mail.get_content_type() == "multipart/alternative"
    assert link_in(mail) == LINK
    assert server.recipients == [[TO]]


def test_after_it_is_out_nothing_of_what_it_said_is_kept(office: World, server: MailServer) -> None:
    write(office.services)
    server.wait_for()
    (row,) = rest(office)
    assert (bytes(row["sealed"]), row["tries"], row["last_error"]) == (b"", 1, None)
    assert row["sent_at"]


def test_what_waits_is_sealed(office: World) -> None:
    write(office.services, send_at=office.services.now() + DAY)
    (row,) = rest(office)
    assert b"password" not in bytes(row["sealed"])
    assert row["sent_at"] is None


def test_a_transaction_that_fails_sends_nothing(office: World, server: MailServer) -> None:
    with pytest.raises(ZeroDivisionError):
        write(office.services, fail=True)
    assert rest(office) == []
    write(office.services, "adam@acme.example")
    rest(office)
    assert [mail["To"] for mail in server.mails] == ["adam@acme.example"]


def test_the_sender_may_be_another_than_the_support(stage: Stage, tmp_path: Path, server: MailServer) -> None:
    with make_world(stage, tmp_path, smtp_url=server.url(), mail_from="point@mail.example") as world:
        write(world.services)
        (mail,) = server.wait_for()
    assert mail["From"] == "POINT <point@mail.example>"
    assert mail["Reply-To"] == "support@pointapp.org"


def test_without_a_mail_server_mails_are_files_for_the_owner_of_the_machine(world: World) -> None:
    before = set(folder_of(world).glob("*"))
    write(world.services)
    rest(world)
    (path,) = set(folder_of(world).glob("*")) - before
    assert path.suffix == ".eml"
    assert path.stat().st_mode & 0o077 == 0
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert link_in(mail) == LINK  # type: ignore[arg-type]


def folder_of(world: World) -> Path:
    return world.settings.instance / "mail"


# -- once ------------------------------------------------------------------------------------------------------------


def test_several_senders_send_each_mail_once(office: World, server: MailServer) -> None:
    """As several processes would: each with its own services, on one database."""
    from portal.services import make_services

    later = office.services.now() + 1000
    for number in range(30):
        write(office.services, f"p{number}@acme.example", send_at=later)
    rest(office)
    office.clock.forward(1001)
    others = [make_services(office.settings, clock=office.clock) for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(send_due, [office.services, *others]))
    for each in others:
        each.close()
    assert sum(sent) == 30
    assert sorted(mail["To"] for mail in server.mails) == sorted(f"p{number}@acme.example" for number in range(30))


def test_a_sender_that_died_is_followed_by_another(office: World, server: MailServer) -> None:
    from portal.store.mails import CLAIM_SECONDS, claim_mail

    later = office.services.now() + 1000
    write(office.services, send_at=later)
    rest(office)
    office.clock.forward(1001)
    with office.services.db.writing() as connection:
        assert claim_mail(connection, now=office.services.now()) is not None
    assert send_due(office.services) == 0
    office.clock.forward(CLAIM_SECONDS + 1)
    assert send_due(office.services) == 1
    assert len(server.mails) == 1


# -- trouble ---------------------------------------------------------------------------------------------------------


def test_a_page_does_not_wait_for_a_slow_server(office: World, server: MailServer) -> None:
    server.wait = 2.0
    began = time.monotonic()
    answer = office.stranger.step("/login/forgot", method="POST", data={"email": TO})
    assert answer.status_code == 303
    assert time.monotonic() - began < 1.0
    server.wait_for()


def test_a_server_that_is_down_is_tried_again_and_gets_the_mail_when_it_is_up(
    stage: Stage, tmp_path: Path
) -> None:
    with mail_server() as server:
        address = server.url()
    with make_world(stage, tmp_path, smtp_url=address) as world:
        began = time.monotonic()
        assert world.stranger.step("/login/forgot", method="POST", data={"email": TO}).status_code == 303
        assert time.monotonic() - began < 1.0
        wait_until(lambda: [row["tries"] for row in rest(world)] == [1])
        (row,) = rest(world)
        assert row["last_error"] == "the server is away"
        pauses = []
        for _ in range(4):
            (row,) = rest(world)
            pauses.append(row["send_at"] - world.services.now())
            world.clock.forward(row["send_at"] - world.services.now() + 1)
            assert send_due(world.services) == 0
        assert pauses == sorted(pauses)
        assert 50 <= pauses[0] <= 60
        assert pauses[-1] > 400


def test_maintenance_sends_what_could_not_go_before(office: World, server: MailServer) -> None:
    server.answer = "451 try again later"
    write(office.services)
    (row,) = rest(office)
    assert (row["sent_at"], row["failed_at"], row["last_error"]) == (None, None, "answered 451")
    server.answer = "250 OK"
    office.clock.forward(120)
    done = office.app.test_cli_runner().invoke(args=["maintenance", "--json"])
    assert '"mails_sent": 1' in done.output
    assert len(server.mails) == 1


def test_after_two_days_it_is_given_up_and_the_activity_says_so(office: World, server: MailServer) -> None:
    server.answer = "451 try again later"
    write(office.services, organization_id=office.acme_id)
    rest(office)
    office.clock.forward(2 * DAY + 60)
    send_due(office.services)
    (row,) = rest(office)
    assert row["failed_at"] is not None
    assert bytes(row["sealed"]) == b""
    (event,) = [event for event in office.activity() if event.what == "mail.failed"]
    assert event.about == {"to": TO, "kind": "password_forgot", "why": "answered 451"}
    server.answer = "250 OK"
    assert send_due(office.services) == 0
    assert server.mails == []


def test_a_mailbox_that_does_not_exist_is_given_up_at_once_and_holds_up_nobody(
    office: World, server: MailServer
) -> None:
    server.recipient_answer["gone@acme.example"] = "550 no such mailbox"
    later = office.services.now() + 1000
    for to in ("gone@acme.example", TO):
        write(office.services, to, send_at=later)
    rest(office)
    office.clock.forward(1001)
    assert send_due(office.services) == 1
    gone, here = rest(office)
    assert (gone["failed_at"] is not None, gone["last_error"]) == (True, "answered 550")
    assert here["sent_at"] is not None


def test_a_connection_that_breaks_off_in_the_middle_loses_nothing(office: World, server: MailServer) -> None:
    server.break_off = 1
    write(office.services)
    (row,) = rest(office)
    assert row["sent_at"] is None
    office.clock.forward(120)
    assert send_due(office.services) == 1
    assert len(server.mails) == 1


def test_both_copies_of_a_mail_that_went_out_twice_can_be_told_to_be_one(office: World, server: MailServer) -> None:
    """The answer was lost after the server had taken it: no sender can know."""
    write(office.services, send_at=office.services.now() + 1000)
    sealed = rest(office)[0]["sealed"]
    office.clock.forward(1001)
    for _ in range(2):
        assert send_due(office.services) == 1
        with office.services.db.writing() as connection:
            again = text("UPDATE mails SET sealed = :sealed, sent_at = NULL, send_at = 0")
            connection.execute(again, {"sealed": sealed})
    first, second = server.mails
    assert first["Message-ID"] == second["Message-ID"]


# -- who may read it on the way ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A server's TLS for localhost, and the file that a client trusts it by."""
    folder = tmp_path_factory.mktemp("certificate")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, str(cert)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mails_go_encrypted_with_name_and_password(
    stage: Stage, tmp_path: Path, certificate: tuple[ssl.SSLContext, str], scheme: str
) -> None:
    context, trusted = certificate
    with mail_server(tls=context, starttls=scheme == "smtp", login=scheme == "smtp") as server:
        credentials = "point:a%20password%20of%20the%20mail%20server@" if scheme == "smtp" else ""
        address = server.url(scheme, credentials, "localhost")
        with make_world(stage, tmp_path, smtp_url=address, ca_bundle=trusted) as world:
            write(world.services)
            server.wait_for()
        assert server.encrypted == [True]
        assert server.users == (["point"] if credentials else [])


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_server_with_a_strangers_certificate_gets_no_mail(
    stage: Stage, tmp_path: Path, certificate: tuple[ssl.SSLContext, str], scheme: str
) -> None:
    with mail_server(tls=certificate[0], starttls=scheme == "smtp") as server:
        with make_world(stage, tmp_path, smtp_url=server.url(scheme, host="localhost")) as world:
            write(world.services)
            (row,) = rest(world)
            assert row["sent_at"] is None
        assert server.mails == []


@pytest.mark.parametrize(
    "address", ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://host:99999", "smtp://u:secret@h/path"]
)
def test_an_address_that_cannot_work_stops_the_start_and_keeps_the_password(address: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="POINT_SMTP_URL") as refused:
        read_settings({"POINT_SMTP_URL": address}, tmp_path)
    assert "secret" not in str(refused.value)


# -- what a mail says ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "to",
    ["", "nobody", "a@b@c.example", "a@x.example\r\nBcc: b@x.example", " a@x.example", "a@x.example,b@x.example"],
)
def test_what_is_no_single_mailbox_gets_no_mail(world: World, to: str) -> None:
    assert not is_address(to)
    with pytest.raises(ValueError, match="mailbox"):
        write(world.services, to)


def test_a_line_break_in_a_value_makes_no_header(office: World, server: MailServer) -> None:
    name = "Acme\r\nBcc: eve@evil.example\n\nHello"
    with office.services.db.writing() as connection:
        queue_mail(
            office.services,
            connection,
            to=TO,
            kind="member_added",
            organization=name,
            email=TO,
            days=7,
            link=LINK,
        )
    (mail,) = server.wait_for()
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Your POINT account for Acme Bcc: eve@evil.example Hello"
    assert server.recipients == [[TO]]


def test_markup_in_a_value_is_text(office: World, server: MailServer) -> None:
    with office.services.db.writing() as connection:
        values = {"organization": "<b>Söhne & Co</b>", "email": TO, "days": 7, "link": LINK}
        queue_mail(office.services, connection, to=TO, kind="member_added", **values)
    (mail,) = server.wait_for()
    assert "<b>Söhne & Co</b>" in text_of(mail)
    assert "&lt;b&gt;Söhne &amp; Co&lt;/b&gt;" in text_of(mail, "html")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "steps" not in find_needs(kind)])
def test_every_mail_can_be_written_and_says_the_same_in_both_texts(kind: str) -> None:
    needs = find_needs(kind)
    words = {name: name.replace("_", "") for name in needs}
    values = {name: f"https://point.example/{word}" if "link" in name else word for name, word in words.items()}
    letter = write_letter(kind, values, base_url="https://point.example", support_email="help@point.example")
    message = make_message(
        letter, sender="help@point.example", support="help@point.example", recipient=TO, at=1_800_000_000, name="a"
    )
    assert 0 < len(letter.subject) < 78
    for part in ("plain", "html"):
        said = text_of(message, part)
        assert "help@point.example" in said
        assert all(value in said for name, value in values.items() if "link" in name)
        assert "{{" not in said
        # Why it came, or what to do if it was not meant for you.
        assert re.search(r"\bdo nothing\b|If it was not you|as an owner of", said)
    assert jargon_on(letter.html) == set()


def test_a_mail_that_lacks_a_value_is_the_callers_mistake(world: World) -> None:
    with pytest.raises(TypeError, match="link"), world.services.db.writing() as connection:
        queue_mail(world.services, connection, to=TO, kind="password_forgot", email=TO, minutes=30)
    with pytest.raises(LookupError), world.services.db.writing() as connection:
        queue_mail(world.services, connection, to=TO, kind="../../wsgi")
    assert rest(world) == []
