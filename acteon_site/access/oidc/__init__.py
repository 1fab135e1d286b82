"""Sign-in by the shop's own identity provider (OpenID Connect, authorization code with PKCE)."""
