"""The guide's parts about the two apps: POINT as Single-Page Application and as Native Application."""

from __future__ import annotations

from portal.errors import N_
from portal.guide import troubles
from portal.guide.shapes import Part, Task
from portal.okta.steps import App

_KEEP = N_("If any URIs are already listed, do not remove them. Simply add the URI above.")
_GENERAL = N_("Applications > Applications > the app > General")


def _navigate(app: App) -> Task:
    return Task(
        f"{app}.navigate",
        N_("Navigate to Applications"),
        (
            N_("In the Okta Admin, go to the left-hand navigation menu and click “Applications”. If Okta asks "
               "something first, follow those steps."),
            N_("From the dropdown, select “Applications” again."),
        ),
        place="applications",
        way=N_("Applications > Applications"),
    )  # fmt: skip


def _grants(app: App) -> Task:
    return Task(
        f"{app}.grants",
        N_("Configure Grant Types"),
        (
            N_("Under “Grant type”, select “Authorization Code”."),
            N_("Select “Refresh Token” as well."),
        ),
        place="app_general",
        way=_GENERAL,
        app=app,
        checks=(f"{app}.authorization_code", f"{app}.refresh_token"),
        troubles=(troubles.REFRESH,),
    )


def _interaction_code(app: App) -> Task:
    return Task(
        f"{app}.interaction_code",
        N_("Add Interaction Code"),
        (
            N_("Expand the “Advanced” section under “Grant type”."),
            N_("Under “Other grants”, select “Interaction Code”."),
        ),
        place="app_general",
        way=_GENERAL,
        also=troubles.SETTING,
        app=app,
        checks=(f"{app}.interaction_code", "interaction_code_setting"),
        troubles=(troubles.NO_INTERACTION_CODE,),
        embedded=True,
    )


def _assignments(app: App) -> Task:
    return Task(
        f"{app}.assignments",
        N_("Configure Assignments"),
        (
            N_("Under “Assignments”, “Controlled access”, select “Allow everyone in your organization to access”."),
            N_("Ensure “Enable immediate access” remains unchecked if you want to assign the app to specific groups or "
               "users later."),
        ),
        place="app_assignments",
        way=N_("Applications > Applications > the app > Assignments"),
        app=app,
        checks=(f"{app}.assignments",),
        troubles=(troubles.ASSIGNMENTS,),
    )  # fmt: skip


def _save(app: App) -> Task:
    return Task(
        f"{app}.save",
        N_("Save the configuration"),
        (
            N_("Click “Save” to complete the setup."),
            N_("Okta now shows the app's “General” tab with its Client ID. You need it when you add Okta to POINT."),
        ),
        place="app_general",
        way=_GENERAL,
        app=app,
        checks=(f"{app}.client",),
        troubles=(troubles.DPOP,),
    )


SPA = Part(
    "spa",
    N_("Add POINT to Okta (SPA)"),
    N_("Add POINT as a Single-Page Application in Okta: for people who log in to POINT in a browser."),
    (
        _navigate("spa"),
        Task(
            "spa.create",
            N_("Create a new app integration"),
            (N_("On the Applications page, click “Create App Integration”."),),
            place="applications",
            way=N_("Applications > Applications > Create App Integration"),
        ),
        Task(
            "spa.sign_in_method",
            N_("Configure the sign-in method"),
            (
                N_("In the “Sign-in method” section, select “OIDC - OpenID Connect”."),
                N_("When prompted to choose the “Application type”, select “Single-Page Application”."),
                N_("Click “Next”."),
            ),
            place="new_app",
            way=N_("Applications > Applications > Create App Integration"),
            app="spa",
            checks=("spa.public",),
            troubles=(troubles.WRONG_TYPE,),
        ),
        Task(
            "spa.name",
            N_("Complete the “New Single-Page App Integration” form"),
            (N_("After clicking Next, the “New Single-Page App Integration” form opens. In the “App integration name” "
                "field, you may rename the application or keep the default name."),),
            place="new_app",
            way=N_("Create App Integration > OIDC > Single-Page Application > Next"),
            app="spa",
            values=((N_("App integration name"), "spa_name"),),
        ),
        _grants("spa"),
        _interaction_code("spa"),
        Task(
            "spa.redirect_uri",
            N_("Sign-in redirect URI"),
            (
                N_("Scroll down to the sign-in and sign-out redirect URIs."),
                N_("Under “Sign-in redirect URIs”, click “Add URI” and enter the following value."),
            ),
            place="app_general",
            way=_GENERAL,
            app="spa",
            values=((N_("Sign-in redirect URIs"), "redirect_uri"),),
            checks=("spa.redirect_uri",),
            note=_KEEP,
            troubles=(troubles.REDIRECT_URI,),
        ),
        Task(
            "spa.sign_out_uri",
            N_("Sign-out redirect URI"),
            (N_("Under “Sign-out redirect URIs”, click “Add URI” and enter the following value."),),
            place="app_general",
            way=_GENERAL,
            app="spa",
            values=((N_("Sign-out redirect URIs"), "sign_out_uri"),),
            checks=("spa.sign_out_uri",),
            note=_KEEP,
            troubles=(troubles.SIGN_OUT_URI,),
        ),
        Task(
            "spa.base_uri",
            N_("Trusted Origins"),
            (N_("Under “Trusted Origins”, “Base URIs”, click “Add URI” and enter the following value."),),
            place="app_general",
            way=_GENERAL,
            app="spa",
            values=((N_("Base URIs"), "origin"),),
            checks=("trusted_origin",),
            embedded=True,
        ),
        _assignments("spa"),
        _save("spa"),
    ),
)  # fmt: skip

NATIVE = Part(
    "native",
    N_("Add POINT to Okta (Native App)"),
    N_("Add POINT as a Native Application in Okta: for people who use the POINT app on their phone."),
    (
        _navigate("native"),
        Task(
            "native.create",
            N_("Create a new app integration"),
            (N_("On the Applications page, click “Create App Integration”. The native app is an app of its own beside "
                "the SPA."),),
            place="applications",
            way=N_("Applications > Applications > Create App Integration"),
            checks=("pair",),
        ),
        Task(
            "native.sign_in_method",
            N_("Configure the sign-in method"),
            (
                N_("In the “Sign-in method” section, select “OIDC - OpenID Connect”."),
                N_("When prompted for the “Application type”, select “Native Application”."),
                N_("Click “Next”."),
            ),
            place="new_app",
            way=N_("Applications > Applications > Create App Integration"),
            app="native",
            checks=("native.public",),
            troubles=(troubles.WRONG_TYPE,),
        ),
        Task(
            "native.name",
            N_("Complete the “New Native App Integration” form"),
            (N_("In the “App integration name” field, rename the application or keep the default name."),),
            place="new_app",
            way=N_("Create App Integration > OIDC > Native Application > Next"),
            app="native",
            values=((N_("App integration name"), "native_name"),),
        ),
        _grants("native"),
        _interaction_code("native"),
        Task(
            "native.redirect_uri",
            N_("Sign-in redirect URI"),
            (N_("Under “Sign-in redirect URIs”, click “Add URI” and enter the following value."),),
            place="app_general",
            way=_GENERAL,
            app="native",
            values=((N_("Sign-in redirect URIs"), "native_redirect_uri"),),
            checks=("native.redirect_uri",),
            note=_KEEP,
            troubles=(troubles.NATIVE_SCHEME, troubles.REDIRECT_URI),
        ),
        Task(
            "native.sign_out_uri",
            N_("Sign-out redirect URI"),
            (N_("Under “Sign-out redirect URIs”, click “Add URI” and enter the following value."),),
            place="app_general",
            way=_GENERAL,
            app="native",
            values=((N_("Sign-out redirect URIs"), "native_sign_out_uri"),),
            checks=("native.sign_out_uri",),
            note=_KEEP,
            troubles=(troubles.SIGN_OUT_URI,),
        ),
        _assignments("native"),
        _save("native"),
    ),
)  # fmt: skip
