"""Tests of rules: actions at given times, and what must become of them. Pure: no Django, no database.

Gates are replayed in memory by the functions that the pipeline counts with. Providers are taken to answer, and quotas
are not asked.
"""

from rules_app.testing.cases import Case, Expected, Step, parse_cases
from rules_app.testing.coverage import Coverage, RuleCoverage
from rules_app.testing.play import Bench, Declared, Outcome
from rules_app.testing.run import Report, Result, run_cases

__all__ = [
    "Bench",
    "Case",
    "Coverage",
    "Declared",
    "Expected",
    "Outcome",
    "Report",
    "Result",
    "RuleCoverage",
    "Step",
    "parse_cases",
    "run_cases",
]
