"""Troubles that belong to more than one task: what people see, and what it comes from (Okta's forums, facts 8)."""

from __future__ import annotations

from portal.errors import N_
from portal.guide.shapes import Trouble
from portal.okta.steps import Place

# Where the box is made possible for the whole Okta.
SETTING: tuple[Place, str] = ("account_settings", N_("Settings > Account > Embedded widget sign-in support"))
NO_INTERACTION_CODE = Trouble(
    N_("Interaction Code option not visible?"),
    (
        N_("The “Advanced” section is closed: open it. The box is under “Other grants”, below those you can see at "
           "once."),
        N_("If it is not there either, the Interaction Code grant type is not enabled for your Okta organization. In "
           "the Okta Admin, go to Settings > Account, locate “Embedded widget sign-in support”, click “Edit”, tick "
           "“Interaction Code” and save. This takes a super administrator. Then return here and repeat this step."),
        N_("If it was there before and is gone: somebody switched “Embedded widget sign-in support” off. That also "
           "takes the tick out of every app and every rule of an access policy, and switching it on again does not put "
           "it back. Tick it in both apps and in the rule once more."),
        N_("If Settings > Account has no “Embedded widget sign-in support”, this Okta still runs the Classic Engine, "
           "which has no Interaction Code. Only Okta can upgrade it. Go on without the box: people then sign in on "
           "Okta's page, and everything else works."),
    ),
)  # fmt: skip
WRONG_TYPE = Trouble(
    N_("You chose another application type"),
    (N_("“Web Application” and “API Services” want a client secret, which POINT does not use: Okta then answers "
        "“Client authentication failed” or “No client credentials found”. The type cannot be changed afterwards. "
        "Create the app again with the right type and delete the other."),),
)  # fmt: skip
REDIRECT_URI = Trouble(
    N_("Okta shows “400 Bad Request: The 'redirect_uri' parameter must be a Login redirect URI in the client app "
       "settings”"),
    (N_("Okta compares the address letter by letter. Look for a slash at the end, http instead of https, a capital "
        "letter, a port or a space. Copy the value from this page instead of typing it."),),
)  # fmt: skip
SIGN_OUT_URI = Trouble(
    N_("After logging out people end on an Okta page “400 Bad Request”"),
    (N_("The sign-out redirect URI is missing in this app, or differs from the value on this page by a letter or a "
        "slash."),),
)  # fmt: skip
REFRESH = Trouble(
    N_("People are logged out of POINT sooner than they should be"),
    (N_("Without Refresh Token POINT cannot ask Okta again whether somebody may still come in. Tick it in the app's "
        "General tab, and see that the access policy's rule allows the scope offline_access."),
     N_("“The refresh token is invalid or expired” after a quiet week is Okta's own limit (seven days without use). "
        "Signing in again is all it takes.")),
)  # fmt: skip
ASSIGNMENTS = Trouble(
    N_("Okta says “User is not assigned to the client application”"),
    (N_("Open the app's “Assignments” tab, click “Assign” and give it to the group “Everyone”, or to the groups and "
        "people who use POINT. Both apps need it."),),
)  # fmt: skip
DPOP = Trouble(
    N_("The checks or a test login say “invalid_dpop_proof”"),
    (N_("In the app's “General” tab, under “General Settings”, untick “Require Demonstrating Proof of Possession "
        "(DPoP) header in token requests”."),),
)  # fmt: skip
NATIVE_SCHEME = Trouble(
    N_("Okta does not accept the address"),
    (N_("It is an address of an app and not of a website: it has exactly one slash and no “https”. Copy it from this "
        "page, and make sure that the application type is “Native Application”."),),
)  # fmt: skip
CLIENT_ID = Trouble(
    N_("“Invalid value for 'client_id' parameter”, or POINT says that Okta does not know the Client ID"),
    (
        N_("The Client ID is that of another Okta organization, or of an app that was deactivated: it has to be on the "
           "“Active” tab."),
        N_("A piece is missing, or a space came along: use Okta's own button “Copy to clipboard” beside it."),
        N_("The ids of the SPA and of the Native App were mixed up. Each has its own field."),
        N_("It is a client secret. POINT never needs one. Paste the Client ID that stands above it."),
    ),
)  # fmt: skip
ADMIN_DOMAIN = Trouble(
    N_("The address in your browser has “-admin” in it"),
    (N_("That is the Admin Console's own address. The domain is the same without “-admin”. POINT mends that by itself "
        "when you paste it."),),
)  # fmt: skip
ISSUER = Trouble(
    N_("POINT says that the issuer is another one"),
    (N_("Okta signs with the address that is set as “Issuer”. Where your organization has a domain of its own (such as "
        "id.example.org) beside acme.okta.com, choose the Okta URL here, and enter the same one in POINT."),),
)  # fmt: skip
TRUSTED_ORIGIN = Trouble(
    N_("The sign-in form on POINT's page says “Failed to fetch”, or nothing happens"),
    (
        N_("The origin has no slash at the end and no path, and begins with https. Okta takes http and another port "
           "for another origin."),
        N_("“Cross-Origin Resource Sharing (CORS)” is not ticked at this origin; “Redirect” alone is not enough."),
        N_("In Safari and in private windows the browser may keep Okta's cookies away from POINT's page. The link to "
           "sign in on Okta's page, which stands beside the form, always works."),
    ),
)  # fmt: skip
POLICY = Trouble(
    N_("After signing in Okta says “Policy evaluation failed for this request, please check the policy "
       "configurations”"),
    (N_("No rule fits this login. See that the policy is assigned to “All clients” or to both POINT apps, that the "
        "rule allows Authorization Code and Interaction Code, any user assigned to the app, and the scopes openid, "
        "profile, email and offline_access."),),
)  # fmt: skip
NOT_ALLOWED = Trouble(
    N_("The form on POINT's page says “You are not allowed to access this app” before anything was typed"),
    (N_("The rule lacks Interaction Code: tick it under “Advanced” in “IF Grant type is”, and save the rule."),),
)
NO_SERVERS = Trouble(
    N_("There is no “Authorization Servers” tab"),
    (N_("Your Okta has no API Access Management, and so no custom authorization server. Nothing is to be done on this "
        "page: leave “Authorization server” in POINT on auto or choose org."),),
)  # fmt: skip
WRONG_SERVER = Trouble(
    N_("“The authorization server id is invalid”, or “Resource not found (AuthorizationServer)”"),
    (N_("POINT has been told the id of an authorization server that does not exist in this Okta. In POINT, open "
        "“Advanced” in the Okta form and enter auto."),),
)  # fmt: skip
