"""What must not be seen in the trail, and how it is blanked. Pure.

`field_names` says which keys name a redacted field, `redactor` knows the fields in force, `scrubber` blanks what one
payload holds of secrets, `split_cards` finds card numbers that are spread over fields, and `seen_secrets` remembers a
request's secrets for its log lines. What a card number is stands in `acteon_site.base.cards`.
"""

from audit_app.redaction.redactor import DEFAULT_PLACEHOLDER, Redactor
from audit_app.redaction.scrubber import Scrubber

__all__ = ["DEFAULT_PLACEHOLDER", "Redactor", "Scrubber"]
