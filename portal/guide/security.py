"""The guide's parts about Okta's own settings: trusted origins and access policies."""

from __future__ import annotations

from portal.errors import N_
from portal.guide import troubles
from portal.guide.shapes import Part, Task

_ORIGINS = N_("Security > API > Trusted Origins")
_SERVERS = N_("Security > API > Authorization Servers")
_POLICIES = N_("Security > API > Authorization Servers > the server > Access Policies")

ORIGINS = Part(
    "origins",
    N_("Trusted Origins"),
    N_("Verify that POINT's address is a trusted origin in your Okta security settings, so that POINT's page may talk "
       "to Okta (CORS)."),
    (
        Task(
            "origins.look",
            N_("Check whether POINT is already listed"),
            (
                N_("In the Okta Admin, go to the left-hand menu and navigate to Security > API > Trusted Origins."),
                N_("Check if the following address is already listed as a trusted origin. If it is listed, no further "
                   "action is needed: tick off all of this page."),
            ),
            place="trusted_origins",
            way=_ORIGINS,
            values=((N_("Origin URL"), "origin"),),
            embedded=True,
        ),
        Task(
            "origins.add",
            N_("Add POINT as a trusted origin"),
            (
                N_("If it is not listed, click “Add Origin”."),
                N_("Fill in “Origin Name” and “Origin URL”."),
                N_("At “Choose Type”, select “Cross-Origin Resource Sharing (CORS)”."),
                N_("Click “Save” to apply the changes."),
            ),
            place="trusted_origins",
            way=_ORIGINS,
            values=((N_("Origin Name"), "origin_name"), (N_("Origin URL"), "origin")),
            checks=("trusted_origin",),
            troubles=(troubles.TRUSTED_ORIGIN,),
            embedded=True,
        ),
    ),
)  # fmt: skip

POLICIES = Part(
    "policies",
    N_("Access Policies"),
    N_("To make sure that people can authenticate, verify and update the access policies of your authorization server. "
       "An Okta without custom authorization servers has none: then there is nothing to do here."),
    (
        Task(
            "policies.server",
            N_("Open the authorization server"),
            (
                N_("In the Okta Admin, go to the left-hand menu and navigate to Security > API."),
                N_("Select the “Authorization Servers” tab."),
                N_("Locate the custom authorization server you want to update (usually “default”), and click the "
                   "pencil icon next to it to edit its settings."),
            ),
            place="authorization_servers",
            way=_SERVERS,
            checks=("authorization_server",),
            note=N_("Only administrators with proper permissions can edit authorization server policies."),
            troubles=(troubles.NO_SERVERS, troubles.WRONG_SERVER),
        ),
        Task(
            "policies.policy",
            N_("Have an access policy"),
            (
                N_("Click the “Access Policies” tab."),
                N_("If no access policies exist, click “Add Policy”. Assign it to “All clients”, or to both POINT "
                   "apps, and create the policy."),
            ),
            place="access_policies",
            way=_POLICIES,
            values=((N_("Name"), "policy_name"),),
            checks=("spa.offline_access", "native.offline_access"),
            troubles=(troubles.POLICY,),
        ),
        Task(
            "policies.rule",
            N_("Open the policy's rule"),
            (
                N_("After creating a policy, click “Add Rule” and do the next step in it."),
                N_("Otherwise locate the policy that applies to your application (for example “Default Policy Rule”) "
                   "and click the pencil icon in the “Actions” column to edit its rule. Skip this if you have just "
                   "created the rule."),
            ),
            place="access_policies",
            way=_POLICIES,
            values=((N_("Rule Name"), "rule_name"),),
        ),
        Task(
            "policies.interaction_code",
            N_("Allow Interaction Code in the rule"),
            (
                N_("In the rule, click “Advanced” in the section “IF Grant type is”."),
                N_("Under “Other grants”, select “Interaction Code”. Leave “Authorization Code” ticked."),
                N_("Click “Create rule” or “Update rule” to save it."),
            ),
            place="access_policies",
            way=_POLICIES,
            also=troubles.SETTING,
            checks=("spa.access_policy", "native.access_policy"),
            troubles=(troubles.NO_INTERACTION_CODE, troubles.NOT_ALLOWED),
            embedded=True,
        ),
    ),
)  # fmt: skip
