"""What must not be seen in the trail, and how it is blanked. Pure.

`redactor` knows the fields and blanks their values, `card_numbers` finds card numbers in any text, and `seen_secrets`
remembers a request's secrets for its log lines.
"""

from audit_app.redaction.redactor import DEFAULT_PLACEHOLDER, Redactor, Scrubber

__all__ = ["DEFAULT_PLACEHOLDER", "Redactor", "Scrubber"]
