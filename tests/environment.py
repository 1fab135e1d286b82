"""Secrets of the tests' own. A plugin (`-p tests.environment`): Django's settings are read before any conftest."""

from __future__ import annotations

import os

os.environ["ACTEON_ENV_FILE"] = os.devnull
os.environ.setdefault("SECRET_KEY", "test-secret-key-that-is-only-for-tests-0123456789")
os.environ.setdefault("FERNET_KEYS", "test-fernet-key")
os.environ.setdefault("APPROVAL_KEYS", "k1=" + "ab" * 32)
os.environ.setdefault("LOOKUP_HASH_KEY", "test-lookup-hash-key")
os.environ.setdefault("ACTEON_DB_POOL", "false")
os.environ.setdefault("ACTEON_APPROVAL_UNDO_SECONDS", "0")  # tests of undoing set their own
os.environ.pop("DATABASE_REPLICA_URL", None)  # tests of a replica make one
