"""Every failure a person can meet, and the one exception that carries it.

A `Problem` says what happened, what to do next and with which HTTP status; it never holds anything from the
request. Everything that belongs in the log and not on the page travels in `Refused.reason` and `Refused.detail`.
Imports nothing of the portal, so that protocol, data and pages can all raise it.
"""

from __future__ import annotations

from enum import Enum


def N_(text: str) -> str:  # noqa: N802 - the usual name for "translate later"
    """Marks `text` for the message catalogue; it is translated where it is shown."""
    return text


class Problem(Enum):
    """status, title, advice. The member's name in lower case is the stable code that logs, JSON and tests use."""

    # -- finding one's way -------------------------------------------------------------------------------------
    NOT_FOUND = (404, N_("This page does not exist"),
        N_("Check the address, or start again from the home page."))
    METHOD_NOT_ALLOWED = (405, N_("That does not work here"),
        N_("This address cannot be used that way. Start again from the home page."))
    BAD_REQUEST = (400, N_("We could not read that request"),
        N_("Go back and try again. If it happens again, tell us the reference below."))
    TOO_LARGE = (413, N_("That was too much at once"), N_("Shorten what you entered and try again."))
    UNSUPPORTED_MEDIA = (415, N_("We cannot read that format"), N_("Go back and send the form again."))
    CROSS_SITE = (403, N_("This form was sent from another site"),
        N_("For your safety we ignored it. Open the page here and send the form again."))
    FORBIDDEN = (403, N_("Your role does not allow this"),
        N_("Ask an owner of your organization to do it, or to change your role."))
    TOO_MANY = (429, N_("Too many tries in a short time"), N_("Wait a little and try again. Nothing has been locked."))
    SESSION_CHANGED = (409, N_("You are logged in differently now"),
        N_("Someone logged in or out in another tab since this page was opened. Nothing was changed. "
           "Open the page again."))
    LOGIN_AGAIN = (403, N_("Please log in once more"),
        N_("Changing this takes a login of the last 15 minutes. Nothing was changed. "
           "Log in again and send it once more."))
    CONFLICT = (409, N_("Somebody else changed this meanwhile"),
        N_("Nothing of yours was saved. Look at what is stored now, and save again if it is still needed."))
    INTERNAL = (500, N_("Something went wrong on our side"),
        N_("It has been written down. Try again in a moment; if it happens again, tell us the reference below."))
    UNAVAILABLE = (503, N_("POINT cannot do this right now"),
        N_("One of our own services does not answer. Nothing was lost. Try again in a minute."))

    # -- a login that comes back -------------------------------------------------------------------------------
    ATTEMPT_UNKNOWN = (400, N_("This login was not started here"),
        N_("Finish the login in the browser where it began, or start again here."))
    ATTEMPT_EXPIRED = (400, N_("This login took too long"),
        N_("For your safety a login has to be finished within a few minutes. Start it again; it will be quick."))
    ATTEMPT_USED = (409, N_("This login has already been used"),
        N_("If you see this after pressing Back or Reload, just log in again."))
    CALLBACK_INVALID = (400, N_("Okta's answer could not be read"),
        N_("Start the login again. If it happens again, tell the person who looks after Okta the reference below."))
    ISSUER_CONFUSED = (400, N_("The answer came from another Okta"),
        N_("Nobody has been logged in. Start again from your organization's own login page."))
    SETTINGS_CHANGED = (409, N_("Your organization's Okta settings changed meanwhile"),
        N_("Nobody has been logged in. Start the login again with the new settings."))
    LOGIN_AS_ANOTHER = (409, N_("You signed in at Okta as somebody else"),
        N_("Nothing was changed. Sign in with the Okta account that you are logged in with here, or log out first."))
    LOGIN_UNASKED = (409, N_("You are already logged in as somebody else"),
        N_("This login was begun on another site, so nothing was changed here. If you do want to log in as the other "
           "person, start the login again from here."))
    LOGIN_CANCELLED = (400, N_("The sign-in at Okta was cancelled"), N_("You can start again whenever you like."))
    LOGIN_NOT_ASSIGNED = (403, N_("Okta does not let you into POINT yet"),
        N_("Your Okta account works, but nobody has given it access to POINT. Ask the person who looks after Okta "
           "in your organization to assign you to the POINT app."))
    LOGIN_POLICY = (403, N_("A rule in Okta does not allow this login"),
        N_("Your Okta account works. Tell the person who looks after Okta in your organization the reference below: "
           "the access policy there has no rule that fits."))
    LOGIN_REQUIRED_AT_OKTA = (400, N_("Okta wants you to sign in again"), N_("Start the login once more."))
    OKTA_MISCONFIGURED = (502, N_("The connection between POINT and Okta is not set up right"),
        N_("An owner of your organization can repair it under Organization > Integrations > Okta. Tell them the "
           "reference below."))
    OKTA_ERROR = (502, N_("Okta could not finish this login"),
        N_("Try again in a moment. If it happens again, tell the person who looks after Okta the reference below."))

    # -- the phone -----------------------------------------------------------------------------------------------
    DEEP_LINK_INVALID = (400, N_("This link does not belong to a login"),
        N_("Start the login again in the POINT app."))
    LOGIN_UNDER_WAY = (503, N_("This login is being finished"), N_("Ask again in a second."))
    TOKEN_REFUSED = (401, N_("You are logged out"), N_("Log in again to go on."))
    PROOF_REFUSED = (401, N_("The app could not prove that it is the one that logged in"),
        N_("Try again. If it happens again, log in again in the POINT app."))
    EMBEDDED_UNAVAILABLE = (409, N_("The app's own sign-in form cannot be used here"),
        N_("Log in on Okta's page instead."))
    FIELD_INVALID = (422, N_("Something in the request is missing or wrong"),
        N_("Update the POINT app and try again."))

    # -- test logins ---------------------------------------------------------------------------------------------
    TEST_LOGIN_DONE = (409, N_("This was a test login"),
        N_("Nobody has been logged in. The result is on the page where the test was started."))
    TEST_LOGIN_OVER = (404, N_("This link to a test login is over"),
        N_("Such a link is good for an hour, and only while the Okta settings stay as they are. Ask whoever gave it to "
           "you for a new one."))
    TEST_LOGIN_NOTHING = (409, N_("There is nothing to test yet"),
        N_("A test login needs settings that Okta answers to. "
           "Open the settings and the checks to see what is missing."))

    # -- Okta's orders: Universal Logout -------------------------------------------------------------------------
    ORDER_UNREADABLE = (400, N_("We could not read that order"),
        N_("Send a subject of the format iss_sub or email, as JSON."))
    ORDER_UNPROVED = (401, N_("We could not be sure that this order is from Okta"),
        N_("Send a token that this organization's Okta has signed for this very address, once."))
    ORDER_FOREIGN = (403, N_("This order is not for this organization"),
        N_("Check which app it is sent for, and which Okta the person belongs to."))
    ORDER_NOBODY = (404, N_("We do not know this person"),
        N_("Nobody of this organization is meant, so nothing ended."))

    # -- Okta's answers ----------------------------------------------------------------------------------------
    OKTA_UNREACHABLE = (503, N_("Your organization's sign-in service cannot be reached"),
        N_("Okta did not answer. This is usually over in a minute: try again."))
    OKTA_BUSY = (503, N_("Your organization's sign-in service is very busy"),
        N_("Many people are logging in at once. Try again in a few seconds."))
    OKTA_ANSWER_INVALID = (502, N_("Okta's answer made no sense to us"),
        N_("Nobody has been logged in. Try again; if it happens again, tell us the reference below."))
    CODE_REFUSED = (400, N_("Okta did not accept this login any more"),
        N_("The answer was too old or had been used already. Start the login again."))
    ID_TOKEN_REFUSED = (502, N_("We could not be sure that it is you"),
        N_("Okta's proof of identity did not pass our checks, so nobody has been logged in. Start the login again; "
           "if it happens again, tell the person who looks after Okta the reference below."))
    REFRESH_REFUSED = (401, N_("Okta ended your login"), N_("Log in again to go on."))

    # -- who it is ---------------------------------------------------------------------------------------------
    EMAIL_MISSING = (403, N_("Okta did not tell us your e-mail address"),
        N_("POINT needs it to know you. Ask the person who looks after Okta to fill it in for your account."))
    EMAIL_NOT_VERIFIED = (403, N_("Your e-mail address at Okta is not verified"),
        N_("Verify it at Okta first, then log in again."))
    EMAIL_OUTSIDE = (403, N_("Your e-mail address is not one of this organization's"),
        N_("Your Okta account works, but its e-mail address is outside the domains that this organization has verified "
           "at POINT. Ask an owner to invite you."))
    ACCOUNT_EXISTS = (409, N_("You already have a POINT account"),
        N_("Log in to it once the way you always do. Then we can connect it with your Okta account."))
    ACCOUNT_TAKEN = (409, N_("This e-mail address belongs to somebody else's Okta account"),
        N_("Another Okta account already uses it at POINT. Ask an owner of your organization for help."))
    PASSWORD_WRONG = (422, N_("That e-mail address and password do not fit together"),
        N_("Check both and try again."))
    PASSWORD_LINK = (410, N_("This link does not work any more"),
        N_("A link to set a password works once and only for a while. Ask for a new one."))
    PASSWORD_LOGIN_OLD = (403, N_("You logged in too long ago for that"),
        N_("Log out and in again, or have a link sent to your e-mail address."))
    PASSWORD_BY_LINK = (403, N_("This takes a link from your mailbox"),
        N_("You belong to more than one organization, and a password opens them all. Have a link sent to your e-mail "
           "address and set the password with it."))
    PASSWORD_OLD_WRONG = (422, N_("That is not your password"),
        N_("This is not the password you have now. If you have forgotten it, ask for a link to set a new one."))
    PASSWORD_SHORT = (422, N_("This password is too short"),
        N_("Use 12 characters or more. Four words that have nothing to do with each other are easy to remember."))
    PASSWORD_LONG = (422, N_("This password is too long"), N_("Use at most 1,024 characters."))
    PASSWORD_GUESSABLE = (422, N_("This password is easy to guess"),
        N_("It is on the lists that guessers try first, or nearly so: a well-known password, a single word, your own "
           "name or address, a row of keys, a date or a repetition. Take four words that have nothing to do with "
           "each other."))
    PASSWORDS_DIFFER = (422, N_("The two are not the same"),
        N_("Enter the new password a second time, exactly as above."))

    OKTA_ONLY = (403, N_("Your organization logs in with Okta only"),
        N_("Passwords are switched off there. Log in with Okta instead."))
    RECOVERY_CODE_WRONG = (422, N_("That e-mail address and code do not fit together"),
        N_("Check both. Each code works once; cross out those you have used."))
    RECOVERY_IN_THE_BROWSER = (403, N_("A recovery code does not open the app"),
        N_("It lets an owner in to put things right in the browser. Log in to the app with Okta once it works again."))
    TRIAL_MISSING = (409, N_("A test login is missing"),
        N_("Run a test login with the settings that are live, in this browser. It counts for an hour."))
    CONFIRM_BY_OKTA = (409, N_("Log in with Okta first"),
        N_("Log in once with Okta, now that passwords are switched off. Then press Confirm."))

    # -- organizations and their integrations --------------------------------------------------------------------
    ORGANIZATION_UNKNOWN = (404, N_("We do not know this organization"),
        N_("Check the address, or enter your work e-mail and we will find your organization."))
    OKTA_NOT_CONNECTED = (404, N_("This organization does not use Okta at POINT"),
        N_("Log in with your e-mail address and password, or ask an owner of your organization."))
    SETUP_LINK_GONE = (404, N_("This set-up link does not work"),
        N_("It may have expired or been revoked. Ask the person who sent it to you for a new one."))
    ISSUER_UNKNOWN = (404, N_("We do not know this Okta"),
        N_("No organization at POINT is connected to it. Enter your work e-mail to log in."))

    # -- what owners enter: the advice stands beside the field ------------------------------------------------------
    FIELD_REQUIRED = (422, N_("Something is missing"), N_("Please fill this in."))
    GROUP_NAME_FORM = (422, N_("That cannot be the name of a group"),
        N_("Enter the name as Okta shows it, at most 255 characters in one line."))
    GROUPS_CLAIM_FORM = (422, N_("That cannot be the name of the claim"),
        N_("Use the name from Okta, without blanks, such as groups. A claim that says who somebody is gives no role."))
    GROUPS_TOO_MANY = (422, N_("There are as many groups as there can be"),
        N_("At most 50 groups may give a role. Remove one that is not needed any more first."))
    EMAIL_FORM = (422, N_("That is not an e-mail address"),
        N_("Enter your whole work e-mail address, for example alex@example.org."))
    FIELD_TOGETHER = (422, N_("One of the two is missing"),
        N_("The native app needs both its Client ID and its domain, or neither."))
    CLIENT_ID_FORM = (422, N_("That is not a Client ID"),
        N_("A Client ID is about 20 letters and digits and usually starts with 0oa. You find it in Okta in the app's "
           "General tab under Client Credentials."))
    CLIENT_ID_IS_URL = (422, N_("That is an address, not a Client ID"),
        N_("This looks like an address. The Client ID is in Okta in the app's General tab under Client Credentials."))
    CLIENT_ID_IS_SECRET = (422, N_("That looks like a client secret"),
        N_("This looks like a client secret. POINT does not need one and has not stored it. "
           "Paste the Client ID that stands above it."))
    API_TOKEN_PASTED = (422, N_("That looks like an API token of your Okta"),
        N_("This looks like an API token, which may change everything in your Okta. It does not belong here, and POINT "
           "has not stored it. If others may have seen it, revoke it in Okta under Security > API > Tokens."))
    API_TOKEN_FORM = (422, N_("That is not an API token"),
        N_("An API token is one line of about 42 letters and digits, without blanks. Okta shows it once, when it is "
           "created under Security > API > Tokens; copy it from there."))
    API_TOKEN_IS_CLIENT_ID = (422, N_("That is a Client ID, not an API token"),
        N_("A Client ID says which app it is and opens nothing. Create an API token in Okta under Security > API > "
           "Tokens and paste that."))
    API_TOKEN_IS_SECRET = (422, N_("That looks like a client secret"),
        N_("This looks like the client secret of an app. It does not belong here, and POINT has not stored it. Create "
           "an API token in Okta under Security > API > Tokens and paste that."))
    API_TOKEN_REFUSED = (422, N_("Okta does not accept this API token"),
        N_("It belongs to another Okta, has expired or been revoked, or must not be used from here. Create a new one "
           "in Okta under Security > API > Tokens, for any IP address, and paste that."))
    API_TOKEN_WEAK = (422, N_("This API token may not do that"),
        N_("A token may do what the person who created it may do. Let somebody with the role Super Administrator "
           "create one, or somebody who may manage applications, trusted origins and authorization servers."))
    SET_UP_UNDER_WAY = (409, N_("A set-up is under way already"),
        N_("Only one can run at a time. Look at how far it is, or stop it first."))
    SET_UP_REFUSED = (502, N_("Okta did not accept what POINT wanted to set up"),
        N_("What had been done until then stays and can be undone. Set this step up by hand, as the guide says, then "
           "continue."))
    SET_UP_GONE = (409, N_("Something disappeared from Okta meanwhile"),
        N_("Somebody deleted it while the set-up was working on it. Continue, and it is looked at anew."))
    CLIENT_UNKNOWN = (422, N_("Okta does not know this Client ID"),
        N_("This Okta has no active app with that Client ID. Copy it again from the app's General tab, and check that "
           "the domain is that of the same Okta."))
    CLIENT_CONFIDENTIAL = (422, N_("This is not the right kind of app"),
        N_("This app wants a client secret. Create it in Okta as Single-Page Application "
           "(or Native Application), as the guide says."))
    REDIRECT_URI_MISSING = (422, N_("Okta does not know where to send people back"),
        N_("Okta knows this app, but not POINT's address in it. Add it in Okta in the app's General tab under Sign-in "
           "redirect URIs, exactly as shown on this page."))
    GRANT_MISSING = (422, N_("The app in Okta does not allow this login"),
        N_("Tick Authorization Code under Grant type in the app's General tab in Okta."))
    CLIENTS_SWAPPED = (422, N_("The two Client IDs are the same"),
        N_("The SPA and the native app are two apps in Okta with two Client IDs. Copy each from its own app."))
    AUTHORIZATION_SERVER_FORM = (422, N_("That is not an authorization server"),
        N_("Choose one of the list, or enter the id of a custom authorization server, such as default or aus1a2b3c."))
    AUTHORIZATION_SERVER_UNKNOWN = (422, N_("Okta has no such authorization server"),
        N_("This Okta has no authorization server with that id. Choose Automatic if you are not sure."))
    API_ACCESS_MANAGEMENT = (422, N_("This Okta has no custom authorization servers"),
        N_("Custom authorization servers need Okta's API Access Management. Choose the org authorization server."))
    ALREADY_MEMBER = (409, N_("This person is a member already"),
        N_("Look for the address in the list below; there you can change the role."))
    LAST_OWNER = (409, N_("The last owner has to stay one"),
        N_("Make somebody else an owner first: without one nobody could look after your organization."))
    LAST_CODES = (409, N_("Somebody has to have recovery codes"),
        N_("Okta only is on, and no other owner has recovery codes. An owner who stays makes some first, under "
           "Security; or switch Okta only off."))
    OWN_REMOVAL = (409, N_("Nobody removes themselves"),
        N_("You would be out before you could put it right. Another owner can remove you."))
    INVITATION_OVER = (404, N_("This invitation is not good any more"),
        N_("It has been accepted, taken back, replaced by a newer one, or is older than seven days. If you have "
           "accepted it, log in; otherwise ask the person who invited you for a new one."))
    MAIL_DOMAIN_FORM = (422, N_("That is not an e-mail domain"),
        N_("Enter what stands behind the @ of your organization's addresses, for example example.org."))
    MAIL_DOMAIN_PUBLIC = (422, N_("Anybody can have an address there"),
        N_("This domain belongs to a mail provider. Enter a domain that is your organization's own."))
    DOMAIN_TAKEN = (409, N_("This domain has been verified already"),
        N_("It is in the list below, or another organization at POINT has verified it. If it is yours, write to us."))
    LAST_DOMAIN = (409, N_("The last domain has to stay while Okta login is on"),
        N_("Without a domain nobody could log in with Okta. Verify another one first, or delete the Okta integration."))
    DOMAIN_MISSING = (409, N_("Your organization has no e-mail domain any more"),
        N_("Without a domain nobody could log in with Okta. Verify one under Domains first."))
    DOMAIN_EMPTY = (422, N_("The Okta domain is missing"),
        N_("Enter your Okta domain, for example acme.okta.com. It is the address you see when you sign in at Okta."))
    DOMAIN_FORM = (422, N_("That is not an Okta domain"),
        N_("An Okta domain has only letters, digits, hyphens and dots, for example acme.okta.com."))
    DOMAIN_IS_EMAIL = (422, N_("That is an e-mail address"),
        N_("This is an e-mail address. Enter the Okta domain, for example acme.okta.com."))
    DOMAIN_IS_IP = (422, N_("That is an IP address"),
        N_("Okta is reached by its name. Enter the Okta domain, for example acme.okta.com."))
    DOMAIN_NOT_HTTPS = (422, N_("That address does not start with https"),
        N_("Okta is always reached by https. Enter just the domain, for example acme.okta.com."))
    DOMAIN_HAS_PORT = (422, N_("That domain has a port"),
        N_("Leave out the colon and the number after it; just the domain is needed."))
    DOMAIN_HAS_PATH = (422, N_("There is more than a domain"),
        N_("Enter just the domain, without what follows the slash, for example acme.okta.com."))
    DOMAIN_INCOMPLETE = (422, N_("The domain is not complete"),
        N_("Enter the whole domain with its ending, for example acme.okta.com instead of acme."))
    DOMAIN_TYPO = (422, N_("There is a slip in the domain"),
        N_("The ending appears twice or is misspelled. It should end like acme.okta.com."))
    DOMAIN_NOT_ASCII = (422, N_("The domain has letters that Okta never uses"),
        N_("One of the letters only looks like a Latin letter. Type the domain by hand."))
    DOMAIN_NOT_ORG = (422, N_("Your organization's part is missing"),
        N_("Okta's own name alone is not enough. Put your organization's part in front, for example acme.okta.com."))
    DOMAIN_NOT_OKTA = (422, N_("This is not an Okta domain"),
        N_("We could not confirm that Okta runs this address. Enter the domain that ends in okta.com; "
           "you see it in the Admin Console at the top right under your name."))
    DOMAIN_NOT_FOUND = (422, N_("There is no such Okta"),
        N_("We looked, and nothing answers at this address. Check the spelling."))
    DOMAIN_SILENT = (422, N_("This Okta does not answer"),
        N_("We could not reach it just now. Check the spelling, and try again in a minute."))
    DOMAINS_DIFFER = (422, N_("The two domains belong to different Oktas"),
        N_("The SPA and the native app have to be in the same Okta organization."))

    def __init__(self, status: int, title: str, advice: str) -> None:
        self.status = status
        self.title = title
        self.advice = advice

    @property
    def code(self) -> str:
        """The stable code of this problem, such as `attempt_expired`."""
        return self.name.lower()


class Refused(Exception):  # noqa: N818 - it names what happened, and it is no error of ours
    """We turn something down.

    problem -- what the person is told.
    reason  -- a stable code, finer than the problem, for logs, metrics and the activity ("nonce_mismatch").
    detail  -- free text for the log only; never a secret, a code or a token.
    """

    def __init__(self, problem: Problem, reason: str = "", detail: str = "") -> None:
        super().__init__(problem.code, reason or problem.code, detail)
        self.problem = problem
        self.reason = reason or problem.code
        self.detail = detail
