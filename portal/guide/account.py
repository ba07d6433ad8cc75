"""The guide's first part: an Okta account to begin with."""

from __future__ import annotations

from portal.errors import N_
from portal.guide.shapes import Part, Task, Trouble

SIGN_UP = "https://www.okta.com/free-trial/"
DOCUMENTATION = "https://help.okta.com/"

ACCOUNT = Part(
    "account",
    N_("Get an Okta account"),
    N_("If your organization uses Okta already, sign in there. Otherwise a free trial is enough to begin with."),
    (
        Task(
            "account.sign_in",
            N_("Sign in at your organization's Okta, or create an Okta account"),
            (
                N_("If your organization already uses Okta: go to your organization's Okta login page and sign in "
                   "using your existing credentials."),
                N_("If you need to create an Okta account (free trial): visit the Okta sign-up page, complete all "
                   "required fields and click “Start free trial”."),
                N_("Verify your Okta account via the confirmation email, and follow Okta's instructions until your "
                   "profile is fully activated."),
            ),
            checks=("domain",),
            note=N_("If you would like to learn more about how to use Okta, refer to the official Okta documentation."),
            outside=((N_("Okta sign-up page"), SIGN_UP), (N_("Official Okta documentation"), DOCUMENTATION)),
        ),
        Task(
            "account.admin",
            N_("Log in to the Okta Admin"),
            (
                N_("Log in to your Okta account, and select your organization (if prompted)."),
                N_("In the top-right corner, click “Admin” to open the Admin Console."),
            ),
            place="home",
            way=N_("Okta > Admin (top right)"),
            note=N_("You must have administrator access in your organization to complete this setup."),
            checks=("engine",),
            troubles=(
                Trouble(
                    N_("There is no “Admin” button"),
                    (N_("Your Okta account is not an administrator. Ask whoever looks after Okta in your organization, "
                        "or send them a hand-over link from this guide."),),
                ),
                Trouble(
                    N_("The checks say “Classic Engine”"),
                    (N_("This Okta has not been moved to Okta Identity Engine, so it has no Interaction Code and "
                        "people cannot sign in on POINT's page. Signing in on Okta's page works all the same. Only "
                        "Okta can upgrade it."),),
                ),
            ),
        ),
    ),
)  # fmt: skip
