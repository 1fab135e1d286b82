"""Loading again whenever the files change. A bad file is told about; the last good load stays in force."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

import watchfiles
from django.db import close_old_connections

from acteon_site.config_files.reading import TOML, YAML, read_paths, suffix_of

QUIET_MS = 300  # an editor or a checkout writes several files at once
TICK_MS = 500
PAUSE_SECONDS = 1.0


def watch_paths(paths: Sequence[Path], load: Callable[[], None], *, stop: Event | None = None) -> None:
    """Call `load` at once and after every change, until `stop` is set or Ctrl-C. It tells failures itself."""
    logging.getLogger("watchfiles").setLevel(logging.ERROR)  # it tells of every change by itself
    stop = stop or Event()
    while not stop.is_set():
        watched = watched_directories(paths)
        if not watched:  # gone for a moment: a checkout replaces the directory
            stop.wait(PAUSE_SECONDS)
        elif _follow(watched, paths, load, stop):
            return


def _follow(watched: list[Path], paths: Sequence[Path], load: Callable[[], None], stop: Event) -> bool:
    """Load on changes below these directories; True when stopped, False when others are to be watched."""
    fresh = True
    # The watcher stands before the first load, so that nothing written during it is missed.
    ticks = watchfiles.watch(
        *watched,
        watch_filter=concerns_us,
        debounce=QUIET_MS,
        rust_timeout=TICK_MS,
        yield_on_timeout=True,
        stop_event=stop,
        raise_interrupt=False,
    )
    for changes in ticks:
        if not fresh and not changes:
            continue
        fresh = False
        close_old_connections()
        load()
        if watched_directories(paths) != watched:
            return False
    return True


def watched_directories(paths: Sequence[Path]) -> list[Path]:
    """The directories of all files that a load reads, TOML's rule directories included.

    Files are watched through their directories: editors replace a file by a new one.
    """
    files = [*paths, *read_paths(paths).files]
    wanted = {path.resolve() if path.is_dir() else path.resolve().parent for path in files}
    present = sorted(path for path in wanted if path.is_dir())
    return [path for path in present if not any(parent in present for parent in path.parents)]


def concerns_us(change: watchfiles.Change, path: str) -> bool:
    """Configuration files, and names without a suffix: a directory that came or went."""
    name = Path(path)
    return not name.name.startswith(".") and (suffix_of(name) in (*YAML, *TOML) or not name.suffix)
