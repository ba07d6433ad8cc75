"""Okta's errors: its own texts by its own internal names, and the four shapes in which they are sent.

An OAuthError is JSON at an API endpoint and a redirect at authorize; a ShownError is the HTML page that
never leaves Okta; a ManagementError has the shape of the Management API.
"""

import secrets
from typing import Any

from okta_sandbox.wire import Answer, send_json

POLICY = "Policy evaluation failed for this request, please check the policy configurations."
OAUTH: dict[str, tuple[int, str, str]] = {
    "access_denied": (403, "access_denied", "The resource owner or authorization server denied the request."),
    "oie_not_enabled_for_interact": (400, "access_denied", "The requested feature (Interaction Code flow) isn't enabled"
                                     " in this environment. Ensure that you have Okta Identity Engine enabled and the"
                                     " Interaction Code flow enabled for this application and authorization server."),
    "interaction_required": (400, "interaction_required", "Your client is configured to use the interaction code flow"
                             " and user interaction is required to complete the request."),
    "user_not_assigned": (400, "access_denied", "User is not assigned to the client application."),
    "no_matching_policy": (401, "access_denied", POLICY),
    "refresh_scopes_denied": (400, "access_denied", "Some of the scopes requested for the refresh request were not"
                              " granted in the original authorize request. Denied scopes: {}."),
    "id_token_does_not_match_session": (400, "id_token_does_not_match_session",
                                        "The ID token subject does not match the current session's user."),
    "insufficient_scope": (403, "insufficient_scope",
                           "The access token provided does not contain the required scopes."),
    "invalid_token_endpoint_auth_method": (401, "invalid_client", "Client authentication failed. Either the client or"
                                           " the client credentials are invalid."),
    "missing_client_credentials": (401, "invalid_client", "No client credentials found."),
    "invalid_client_id": (401, "invalid_client", "Invalid value for 'client_id' parameter."),
    "invalid_client_secret": (401, "invalid_client",
                              "The client secret supplied for a confidential client is invalid."),
    "pkce_verification_failed": (400, "invalid_grant", "PKCE verification failed."),
    "invalid_authorization_code": (400, "invalid_grant", "The authorization code is invalid or has expired."),
    "mismatched_client": (400, "invalid_grant", "The grant was issued to another client. Please make sure the"
                          " 'client_id' matches the one used at the authorize request."),
    "mismatched_redirect_uri": (400, "invalid_grant", "The 'redirect_uri' does not match the redirection URI used in"
                                " the authorization request."),
    "invalid_refresh_token": (400, "invalid_grant", "The refresh token is invalid or expired."),
    "invalid_interaction_code": (400, "invalid_grant", "The interaction code is invalid or has expired."),
    "client_credentials_in_query": (400, "invalid_request",
                                    "Client credentials cannot be supplied via query parameters."),
    "missing_dpop_proof": (400, "invalid_dpop_proof", "The DPoP proof JWT header is missing."),
    "illegal_origin_browser_request": (400, "invalid_request", "Browser requests to the token endpoint must be part of"
                                       " at least one whitelisted redirect_uri."),
    "illegal_redirect_uri": (400, "invalid_request", "The 'redirect_uri' parameter must be a Login redirect URI in the"
                             " client app settings: {}"),
    "invalid_client_application_type": (400, "invalid_request", "Clients with 'application_type' of 'service' are not"
                                        " allowed to access the '{}' endpoint."),
    "invalid_state": (400, "invalid_request", "The authentication request has an invalid 'state' parameter."),
    "invalid_prompt": (400, "invalid_request", "Invalid value for 'prompt' parameter. Supported values: [{}]"),
    "invalid_prompt_for_zero_max_age": (400, "invalid_request", "'prompt' parameter must not have the value 'none' for"
                                        " request with 'zero' as max_age."),
    "invalid_max_age": (400, "invalid_request", "Invalid value for 'max_age' parameter. It should be within range"
                        " 0 - 2^31-1."),
    "unknown_idp": (400, "invalid_request", "Identity provider is not valid."),
    "pkce_invalid_challenge": (400, "invalid_request", "PKCE code challenge contains illegal characters."),
    "pkce_challenge_required": (400, "invalid_request", "PKCE code challenge is required to use the interaction code"
                                " flow."),
    "pkce_missing_challenge": (400, "invalid_request", "PKCE code challenge is required by the application."),
    "pkce_missing_challenge_verifier_present": (400, "invalid_request", "PKCE code challenge should be specified in"
                                                " the authorize request for code verification."),
    "pkce_missing_verifier": (400, "invalid_request", "PKCE code verifier is required by the application."),
    "pkce_unsupported_code_challenge_method": (400, "invalid_request", "PKCE code challenge method is not supported."
                                               " Valid values: [{}]"),
    "token_request_missing_grant_type": (400, "invalid_request", "The token request must specify a 'grant_type'."
                                         " Valid values: [{}]"),
    "request_missing_token": (400, "invalid_request", "The 'token' parameter is required."),
    "illegal_duplicated_parameters": (400, "invalid_request", "Duplicate parameter provided in request. Duplicated"
                                      " parameters: [{}]."),
    "invalid_authorization_server": (400, "invalid_request", "The authorization server id is invalid."),
    "mismatched_authorization_server": (400, "invalid_request", "The grant was issued for another authorization"
                                        " server."),
    "illegal_post_logout_redirect_uri": (400, "invalid_request", "The 'post_logout_redirect_uri' parameter must be a"
                                         " Logout redirect URI in the client app settings: {}"),
    "missing_token_request_parameter": (400, "invalid_request", "The required parameter '{}' is missing."),
    "access_token_missing": (401, "invalid_request", "The access token is missing."),
    "access_token_in_query": (400, "invalid_request", "The access token cannot be presented in a query string."),
    "openid_scope_required": (400, "invalid_scope", "Requests for ID tokens or access tokens with OpenID scopes require"
                              " the 'openid' scope."),
    "missing_scopes": (400, "invalid_scope", "No scopes were requested."),
    "no_matching_scope": (400, "invalid_scope", "One or more scopes are not configured for the authorization server"
                          " resource."),
    "access_token_invalid": (401, "invalid_token", "The access token is invalid."),
    "access_token_revoked": (401, "invalid_token", "The access token has been revoked."),
    "token_expired": (401, "invalid_token", "The token has expired."),
    "id_token_invalid": (401, "invalid_token", "The id token is invalid."),
    "login_required": (400, "login_required", "The client specified not to prompt, but the user is not logged in."),
    "app_sign_on_required": (400, "login_required", "The client specified not to prompt, but the client app requires"
                             " re-authentication or MFA."),
    "request_expired": (400, "login_required", "Request expired, please start over and try again."),
    "server_error": (500, "server_error", "The authorization server encountered an unexpected condition that prevented"
                     " it from fulfilling the request."),
    "unauthorized_client": (400, "unauthorized_client", "The client is not authorized to use the provided grant type."
                            " Configured grant types: [{}]."),
    "unsupported_grant_type": (400, "unsupported_grant_type", "The authorization grant type is not supported by the"
                               " authorization server. Configured grant types: [{}]."),
    "unsupported_response_mode": (400, "unsupported_response_mode", "The response mode is not supported by the"
                                  " authorization server. Valid response modes: [query, fragment, form_post,"
                                  " okta_post_message]."),
    "okta_post_message_with_code": (400, "unsupported_response_mode", "'okta_post_message' response mode cannot be used"
                                    " with the 'code' response type."),
    "unsupported_response_type": (400, "unsupported_response_type", "The response type is not supported by the"
                                  " authorization server. Configured response types: [{}]."),
}
MANAGEMENT: dict[str, tuple[int, str]] = {
    "E0000001": (400, "Api validation failed: {}"),
    "E0000003": (400, "The request body was not well-formed."),
    "E0000006": (403, "You do not have permission to perform the requested action"),
    "E0000007": (404, "Not found: Resource not found: {}"),
    "E0000008": (404, "The requested path was not found"),
    "E0000009": (500, "Internal Server Error"),
    "E0000011": (401, "Invalid token provided"),
    "E0000015": (401, "You do not have permission to access the feature you are requesting"),
    "E0000021": (400, "Bad request.  Accept and/or Content-Type headers likely do not match supported values."),
    "E0000022": (405, "The endpoint does not support the provided HTTP method"),
    "E0000047": (429, "API call exceeded rate limit due to too many requests."),
    "E0000056": (403, "Delete application forbidden."),
}


class OAuthError(Exception):
    """`name` is Okta's internal name of the error, which is not on the wire."""

    def __init__(self, name: str, *arguments: str) -> None:
        super().__init__(name)
        self.name = name
        self.status, self.error, text = OAUTH[name]
        self.description = text.format(*arguments)

    def answer(self) -> Answer:
        body = {"error": self.error, "error_description": self.description}
        return send_json(body, self.status, [("Cache-Control", "no-cache, no-store"), ("Pragma", "no-cache")])


class ShownError(OAuthError):
    """Shown on a page of Okta's with status 400, because there is nowhere safe to redirect to."""


class ManagementError(Exception):
    def __init__(self, code: str, argument: str = "", causes: tuple[str, ...] = ()) -> None:
        super().__init__(code)
        status, text = MANAGEMENT[code]
        self.status = status
        self.body = describe_error(code, text.format(argument), causes)

    def answer(self) -> Answer:
        return send_json(self.body, self.status)


class UnknownClientError(ManagementError):
    """Okta's OAuth endpoints answer an unknown client in the shape of the Management API."""

    def __init__(self, status: int = 401) -> None:
        Exception.__init__(self, "invalid_client")
        self.status = status
        self.body = describe_error("invalid_client", "Invalid value for 'client_id' parameter.")


def describe_error(code: str, summary: str, causes: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "errorCode": code,
        "errorSummary": summary,
        "errorLink": code,
        "errorId": "oae" + secrets.token_urlsafe(16)[:20],
        "errorCauses": [{"errorSummary": cause} for cause in causes],
    }
