"""The gateway's settings for systems whose tests are about other things than passwords.

A fresh embedded system hashes the passwords of its local users, and checks them at each later start. A real hasher
is slow on purpose: that was half of what such a system cost.
"""

from __future__ import annotations

from acteon_site.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
