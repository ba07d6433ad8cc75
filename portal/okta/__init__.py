"""Okta's protocol: OAuth 2.0 and OpenID Connect as plain functions. Knows no Flask, no database, no environment.

    provider = providers.load(issuer)                                 # provider.py: who is asked, and with which keys
    attempt = start_login(...); url = authorization_url(...)          # attempt.py: the browser goes to Okta
    code = read_callback(query, attempt, ...)                         # callback.py: the browser comes back
    tokens = redeem_code(door, provider, code=..., code_verifier=...) # tokens.py: POINT asks Okta itself
    claims = check_id_token(tokens.id_token, nonce=attempt.nonce, ...)  # id_token.py: it is really that person
"""
