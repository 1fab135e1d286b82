"""What keeps workers and the scheduler going when clocks jump and Redis goes away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from celery.schedules import schedule
from kombu import Connection
from redis.exceptions import ConnectionError as RedisConnectionError

from acteon_site.celery import app, every, steady_now
from acteon_site.serving.broker import LosableChannel


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_stepped_clock_neither_holds_the_schedule_up_nor_hurries_it(step: int) -> None:
    last = steady_now()
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=step)):
        due = every(5).is_due(last)
        plain = schedule(5, nowfun=lambda: datetime.now(UTC)).is_due(last)
    assert not due.is_due
    assert 4 < due.next <= 5
    assert plain.is_due or plain.next > 60  # what a schedule by the clock would have done


def test_every_entry_of_the_schedule_goes_by_the_steady_clock() -> None:
    entries = app.conf.beat_schedule.values()
    assert all(entry["schedule"].nowfun is steady_now for entry in entries)


def test_no_scheduled_message_is_thrown_away_for_a_clock_that_is_an_hour_off() -> None:
    assert all(entry["options"]["expires"] > 3600 for entry in app.conf.beat_schedule.values())


def test_what_is_acknowledged_on_a_lost_channel_fails_as_a_lost_connection() -> None:
    connections = [Connection(url) for url in ("redis://", "rediss://")]
    assert all(connection.transport.Channel is LosableChannel for connection in connections)
    channel = LosableChannel.__new__(LosableChannel)
    channel.connection = None
    with pytest.raises(RedisConnectionError) as lost:
        channel._connparams()
    assert all(isinstance(lost.value, connection.connection_errors) for connection in connections)
