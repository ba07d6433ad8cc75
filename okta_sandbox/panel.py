"""The sandbox's own page and its JSON: people, apps, switches. Nothing of this exists at Okta."""

import json
from dataclasses import asdict

from okta_sandbox.breakages import BREAKAGES
from okta_sandbox.errors import ManagementError
from okta_sandbox.faults import FAULTS
from okta_sandbox.org import Org
from okta_sandbox.panel_page import SETTINGS, show_panel
from okta_sandbox.settings import SWITCHES
from okta_sandbox.wire import Answer, SeenRequest, first, send_json, send_page, send_redirect


def show(org: Org, request: SeenRequest) -> Answer:
    return send_page(show_panel(org))


def list_faults(org: Org, request: SeenRequest) -> Answer:
    return send_json(org.switches())


def read_fault(org: Org, request: SeenRequest, name: str) -> Answer:
    if name not in org.switches():
        raise ManagementError("E0000007", f"{name} (Fault)")
    return send_json({"name": name, "on": org.switches()[name]})


def set_fault(org: Org, request: SeenRequest, name: str) -> Answer:
    """`{"on": true}` or `{"on": false}`; the settings of the org are switched the same way."""
    read_fault(org, request, name)
    try:
        on = json.loads(request.body)["on"]
    except (ValueError, KeyError, TypeError) as exc:
        raise ManagementError("E0000003") from exc
    if not isinstance(on, bool):
        raise ManagementError("E0000003")
    org.switch(name, on=on)
    return read_fault(org, request, name)


def set_switches(org: Org, request: SeenRequest) -> Answer:
    """The form sends the boxes that are ticked; all others are off."""
    ticked = set(request.form)
    known = org.switches()
    for name in (*FAULTS, *BREAKAGES):
        if known[name] != (name in ticked):
            org.switch(name, on=name in ticked)
    delay = first(request.form, "delay_ms")
    if delay.isdigit():
        org.delay_ms = int(delay)
    return send_redirect("/sandbox", status=303)


def set_settings(org: Org, request: SeenRequest) -> Answer:
    """On the page the boxes say what the org has, so a switch that says what is wrong is on without its tick."""
    for attribute in SETTINGS:
        name, inverted = next((name, inverted) for name, (own, inverted) in SWITCHES.items() if own == attribute)
        wanted = (attribute in request.form) != inverted
        if org.switches()[name] != wanted:
            org.switch(name, on=wanted)
    return send_redirect("/sandbox", status=303)


def list_mails(org: Org, request: SeenRequest) -> Answer:
    """Newest last."""
    return send_json([asdict(mail) for mail in list(org.mails)])


def change_person(org: Org, request: SeenRequest) -> Answer:
    person = org.find_person(first(request.form, "email"))
    app = org.apps.get(first(request.form, "client_id"))
    if person is None:
        raise ManagementError("E0000007", f"{first(request.form, 'email')} (User)")
    action = first(request.form, "action")
    with org.lock:
        if action in ("assign", "unassign") and app is not None:
            org.set_assignment(person, app, on=action == "assign")
        elif action in ("activate", "deactivate"):
            org.set_active(person, on=action == "activate")
        elif action in ("require_code", "waive_code"):
            person.email_code = action == "require_code"
        elif action == "sign_out":
            org.end_person(person, tokens=False)
        elif action in ("put_in", "take_out") and first(request.form, "group").strip():
            org.set_group(person, first(request.form, "group").strip()[:255], on=action == "put_in")
    return send_redirect("/sandbox", status=303)


def rotate(org: Org, request: SeenRequest) -> Answer:
    org.rotate_all_keys()
    return send_redirect("/sandbox", status=303)
