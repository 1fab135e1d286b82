"""A pipeline of one's own: a directory of files, and a load that says what it did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acteon_site.config_files.load import LoadReport, load_paths
from acteon_site.config_files.plan import What
from acteon_site.config_files.problems import LoadRefused

ECOMMERCE = Path(__file__).resolve().parents[3] / "fixtures" / "ecommerce"
PROVIDERS = """\
providers:
  - name: till
    type: log
  - name: depot
    type: log
"""
CHAIN = """\
chains:
  - name: selling
    trigger: {action_type: sell}
    steps:
      - name: charge
        provider: till
        action_type: charge
"""
RULES = """\
rules:
  - name: refuse-small
    priority: 5
    condition:
      field: action.payload.total
      lt: 100
    action:
      type: deny
"""
LIFECYCLE = """\
lifecycles:
  - name: sale
    action_type: sell
    initial: open
    states: [open, closed]
    transitions:
      - {from: open, to: closed}
    terminal: [closed]
"""
SMALL = {"providers.yaml": PROVIDERS, "chains.yaml": CHAIN, "rules.yaml": RULES, "lifecycles.yaml": LIFECYCLE}


class Pipeline:
    """Files below a directory called `shop`, and loads of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def load(self, files: dict[str, str] | None = None, **options: Any) -> LoadReport:
        self.write(files or {})
        return load_paths([self.directory], **{"actor": "tester", **options})

    def refused(self, files: dict[str, str] | None = None, **options: Any) -> list[str]:
        """The problems of a load that must fail, their files shown below the directory."""
        with pytest.raises(LoadRefused) as caught:
            self.load(files, **options)
        return [str(problem).removeprefix(f"{self.directory}/") for problem in caught.value.problems]


@pytest.fixture
def shop(tmp_path: Path) -> Pipeline:
    directory = tmp_path / "shop"
    directory.mkdir()
    return Pipeline(directory)


def done(report: LoadReport) -> dict[str, str]:
    """What became of each row that was not left alone: `rules/refuse-small`: `added`."""
    return {
        f"{change.section}/{'/'.join(change.identity)}": change.what.value
        for change in report.changes
        if change.what is not What.KEPT
    }
