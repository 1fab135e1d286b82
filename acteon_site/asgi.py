"""ASGI entry point: API, admin and event stream in one application."""

import gc
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acteon_site.settings")
django.setup(set_prefix=False)

from django.urls import get_resolver  # noqa: E402 - Django has to be set up before its models

from acteon_site.base import spans  # noqa: E402
from acteon_site.base.registry import parts_load  # noqa: E402
from acteon_site.http.bodies import GatewayHandler  # noqa: E402
from acteon_site.http.traced import traced  # noqa: E402

# After each of its statements an order waits for the interpreter: 5 ms by default, while a large request computes.
SWITCH_SECONDS = 0.0001

application = traced(GatewayHandler(), spans.tracer)
sys.setswitchinterval(SWITCH_SECONDS)
parts_load()
get_resolver().url_patterns  # noqa: B018 - loads all code
# What is loaded lives as long as the process: no collection, which all threads wait for, need go through it.
gc.freeze()
# A collection is one piece for all threads, too: 15 ms for the 20,000 objects after which it comes while we start.
gc.set_threshold(4000, 25)
