"""What is wrong with a set of rules, found without running them: pure, no Django. `check_rules` is the door.

It is sound. What it says of all actions ("never", "always") is proved: clauses exclude each other only where one field
can have no value that all of them accept. What it says of some action it shows on an example that the real engine has
decided. What is too large to settle it passes over in silence.
"""

from rules_app.checking.check import check_rules
from rules_app.checking.finding import Finding, Severity
from rules_app.checking.ground import Names, Question, Seen
from rules_app.checking.space import Schema
from rules_app.checking.values import Domain

__all__ = ["Domain", "Finding", "Names", "Question", "Schema", "Seen", "Severity", "check_rules"]
