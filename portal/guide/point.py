"""The guide's parts on POINT's side: where to find Client ID and domain, adding Okta, and deleting it again."""

from __future__ import annotations

from portal.errors import N_
from portal.guide import troubles
from portal.guide.shapes import Part, Task
from portal.okta.steps import App

_ACTIVE = N_("Applications > Applications > Active")
_CREDENTIALS = N_("Applications > Applications > the app > General > Client Credentials")
_SIGN_ON = N_("Applications > Applications > the app > Sign On > OpenID Connect ID Token")


def _open_app(app: App, choose: str) -> Task:
    return Task(
        f"find_{app}.open",
        N_("Open the app in Okta"),
        (
            N_("Log in to your Okta account and select your organization."),
            N_("In the top-right corner, click “Admin” to open the Admin Console. You must have administrator access "
               "in your organization."),
            N_("From the left-hand menu, navigate to Applications > Applications, and click the “Active” tab to see "
               "all active applications."),
            choose,
        ),
        place="applications",
        way=_ACTIVE,
    )  # fmt: skip


def _client_id(app: App, paste: str) -> Task:
    return Task(
        f"find_{app}.client_id",
        N_("Add the Client ID to POINT"),
        (
            N_("Open the “Client Credentials” section, locate the “Client ID” and copy it."),
            N_("Go to your POINT Admin Dashboard > Organization > Integrations > Okta. The same fields are on this "
               "page."),
            paste,
        ),
        place="app_general",
        way=_CREDENTIALS,
        app=app,
        checks=(f"{app}.client",),
        troubles=(troubles.CLIENT_ID,),
    )  # fmt: skip


def _domain(app: App, paste: str) -> Task:
    return Task(
        f"find_{app}.domain",
        N_("Add the domain to POINT"),
        (
            N_("In the same app, go to the “Sign On” tab."),
            N_("Click “OpenID Connect ID Token” and then “Edit”."),
            N_("Update the “Issuer” field with your Okta organization URL, and click “Save”."),
            N_("Copy the URL."),
            paste,
        ),
        place="app_sign_on",
        way=_SIGN_ON,
        app=app,
        checks=("domain",),
        troubles=(troubles.ADMIN_DOMAIN, troubles.ISSUER),
    )


FIND_SPA = Part(
    "find-spa",
    N_("Find Client ID and domain (SPA)"),
    N_("To connect POINT to your Okta Single-Page Application, you need the Client ID and the domain of that app."),
    (
        _open_app("spa", N_("From the active applications, select your SPA application (for example “My SPA”).")),
        _client_id("spa", N_("Paste the Client ID into the field “SPA: Okta Client ID”.")),
        _domain("spa", N_("Paste it into POINT under “SPA: Okta Domain”.")),
    ),
)
FIND_NATIVE = Part(
    "find-native",
    N_("Find Client ID and domain (Native App)"),
    N_("The Native App has a Client ID of its own. The domain is usually the same as that of the SPA."),
    (
        _open_app("native", N_("Select your Native App (for example “My Native App”).")),
        _client_id("native", N_("Paste it in POINT under “Native App: Okta Client ID (Native App)”.")),
        _domain("native", N_("Paste it into POINT under “Native App: Okta Domain (Native App)”.")),
    ),
)
ADD = Part(
    "point",
    N_("Add Okta to POINT"),
    N_("After setting up the applications in Okta, connect them to your POINT organization."),
    (
        Task(
            "point.open",
            N_("Open the Okta integration in POINT"),
            (N_("In your POINT Admin Dashboard, navigate to the left-hand menu and click Organization > Integrations."),
             N_("Select “Okta” from the list of available integrations.")),
            page="integrations",
        ),
        Task(
            "point.enter",
            N_("Enter the required information"),
            (
                N_("“Client ID”: obtained from the Okta apps you created (SPA and Native App)."),
                N_("“Domain”: your Okta organization domain."),
                N_("If you are unsure how to find the Client ID or domain, see the two parts before this one."),
            ),
            page="form",
            checks=("domain", "spa.client", "native.client", "pair"),
            troubles=(troubles.CLIENT_ID, troubles.ADMIN_DOMAIN),
        ),
        Task(
            "point.save",
            N_("Save"),
            (N_("Click “Save” to enable the integration. POINT asks your Okta first, and says beside each field what "
                "is to be changed. Until everything is right, nothing changes for your people."),),
            page="form",
        ),
        Task(
            "point.test",
            N_("Try it out"),
            (N_("Run a test login before your people do. It shows every step and changes nothing."),),
            page="test",
            checks=("spa.assignments", "native.assignments"),
        ),
    ),
)  # fmt: skip
DELETE = Part(
    "delete",
    N_("Delete your Okta integration"),
    N_("If you need to remove Okta from POINT. Nothing is deleted in Okta itself."),
    (
        Task(
            "delete.open",
            N_("Open the Okta integration in POINT"),
            (N_("In the POINT Admin Dashboard, go to Organization > Integrations, and select “Okta”."),),
            page="form",
        ),
        Task(
            "delete.delete",
            N_("Click “Delete Integration”"),
            (N_("Click “Delete Integration”. POINT says first how many people this is about, and you can undo it for "
                "30 days."),),
            page="delete",
        ),
    ),
    later=True,
)  # fmt: skip
