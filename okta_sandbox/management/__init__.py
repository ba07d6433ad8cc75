"""The Management API under /api/v1: the paths an org is set up through, with Okta's shapes and errors."""
