"""The Interaction Code flow, which Okta calls IDX: an app's own page asks, Okta answers with the next step.

    POST {server}/v1/interact         -> interaction_handle
    POST /idp/idx/introspect          -> remediation "identify"
    POST /idp/idx/identify            -> remediation "challenge-authenticator", the password
    POST /idp/idx/challenge/answer    -> a second factor is due: "select-authenticator-authenticate", else the end:
                                         successWithInteractionCode
    POST {server}/v1/token            -> tokens

An external identity provider and the link in an e-mail leave the page; both come back to the app's redirect URI.
"""
