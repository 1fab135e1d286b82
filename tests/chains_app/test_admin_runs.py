"""A run's page shows what the run has, and a chain's page what each version changed."""

from __future__ import annotations

import copy
import html
import re

from chains_app.models import ChainDefinition, Run
from chains_app.services.advance import runs_sweep
from chains_app.services.definitions import chain_save
from tests.people import People, page_of
from tests.world import Shop


def labels(page: str) -> set[str]:
    return {text.strip() for text in re.findall(r"<label[^>]*>\s*([^<:]+)", page)}


def test_a_run_has_no_line_for_what_it_has_not(shop: Shop, people: People) -> None:
    shop.place(payload={"order_id": "blue-1"})
    run = Run.objects.get()
    client = people.client()
    under_way = page_of(client, "chains_app_run_change", run.pk)
    runs_sweep()
    ended = page_of(client, "chains_app_run_change", run.pk)
    assert ">blue-1</a>" in ended
    assert labels(ended) - labels(under_way) >= {"Took", "Ended at"}
    assert not labels(ended) & {
        "Error",
        "Error code",
        "Cancelled by",
        "Next run at",
        "Parent",
        "Branch",
        "Incidents",
    }
    Run.objects.update(error="the card was declined", error_code="DECLINED")
    assert "the card was declined" in page_of(client, "chains_app_run_change", run.pk)


def test_a_chains_versions_say_what_each_changed(shop: Shop, people: People) -> None:
    chain = ChainDefinition.objects.get(name="order-processing")
    assert chain.current is not None
    spec = copy.deepcopy(chain.current.spec)
    spec["steps"][0]["timeout_seconds"] = 7
    chain_save(spec=spec, actor="maria")
    page = html.unescape(page_of(people.client(), "chains_app_chaindefinition_change", chain.pk))
    first = spec["steps"][0]["name"]
    assert f"steps {first} timeout_seconds" in page
    assert "maria" in page
    assert "1 change" in page
    assert "+    timeout_seconds: 7" in page
