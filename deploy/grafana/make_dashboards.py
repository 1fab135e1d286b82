"""Writes the dashboards of panels.py: `python deploy/grafana/make_dashboards.py`. Needs nothing but Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from panels import DASHBOARDS, STATES, Panel

FOLDER = Path(__file__).resolve().parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
HEIGHT = 8


def dashboard(name: str) -> dict[str, Any]:
    title, panels = DASHBOARDS[name]
    links = {
        "type": "dashboards",
        "tags": ["acteon"],
        "title": "Acteon",
        "asDropdown": False,
        "keepTime": True,
    }
    return {
        "title": title,
        "uid": f"acteon-order-gateway-{name}",
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "tags": ["acteon"],
        "links": [links],
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}
            ]
        },
        "panels": _placed(panels),
    }


def _placed(panels: tuple[Panel, ...]) -> list[dict[str, Any]]:
    """From left to right, and in the next row where one no longer fits."""
    placed, x, y, tall = [], 0, 0, 0
    for number, panel in enumerate(panels, start=1):
        height = 4 if panel.kind == "stat" and panel.wide == 4 else HEIGHT
        if x + panel.wide > 24:
            x, y, tall = 0, y + tall, 0
        placed.append(_panel(number, panel, {"x": x, "y": y, "w": panel.wide, "h": height}))
        x, tall = x + panel.wide, max(tall, height)
    return placed


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.red_from is not None:
        steps = [{"color": "green", "value": None}, {"color": "red", "value": panel.red_from}]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    if panel.mapped:
        options = {value: {"text": text} for value, text in STATES.items()}
        defaults["mappings"] = [{"type": "value", "options": options}]
    return {
        "id": number,
        "title": panel.title,
        "type": panel.kind,
        "datasource": SOURCE,
        "description": panel.text,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel),
        "targets": [
            {"refId": chr(65 + index), "datasource": SOURCE, "expr": query, "legendFormat": legend}
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "timeseries":
        legend = {"displayMode": "list", "placement": "bottom"}
        return {"legend": legend, "tooltip": {"mode": "multi"}}
    options: dict[str, Any] = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    if panel.kind == "stat":
        options |= {"colorMode": "value" if panel.red_from is not None else "none", "graphMode": "area"}
        options["textMode"] = "auto"
    return options


def text(name: str) -> str:
    return json.dumps(dashboard(name), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each_name in DASHBOARDS:
        (FOLDER / f"{each_name}.json").write_text(text(each_name))
