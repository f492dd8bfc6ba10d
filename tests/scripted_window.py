"""Windows that follow a script, to stand in for the real one in the other process."""

import os
import sys
import time
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue

from slam_frontend.viz.space.moment import Moment
from slam_frontend.viz.windows.live import GO, OPEN, PAUSE, STEP, WindowSettings, run_window

PATIENCE = 60.0  # seconds


def refuses(_settings: WindowSettings, _moments: "Queue[Moment]", commands: Connection) -> None:
    """Says why it can't open."""
    commands.send("there is no window today")


def breaks_off(_settings: WindowSettings, _moments: "Queue[Moment]", _commands: Connection) -> None:
    """Dies as a driver does that crashes."""
    os._exit(1)


def without_open3d(settings: WindowSettings, moments: "Queue[Moment]", commands: Connection) -> None:
    """The real window where Open3D is not installed."""
    sys.modules["open3d"] = None  # type: ignore[assignment]
    run_window(settings, moments, commands)


def is_closed_at_once(_settings: WindowSettings, moments: "Queue[Moment]", commands: Connection) -> None:
    """Shows one moment and is closed."""
    commands.send(OPEN)
    moments.get(timeout=PATIENCE)


def hangs(_settings: WindowSettings, _moments: "Queue[Moment]", commands: Connection) -> None:
    """Takes nothing and says nothing."""
    commands.send(OPEN)
    time.sleep(PATIENCE)


def steps_thrice(settings: WindowSettings, moments: "Queue[Moment]", commands: Connection) -> None:
    """Pauses, asks for three more frames one by one, lets go; notes what it was told until the end."""
    commands.send(OPEN)
    commands.send(PAUSE)
    told = []
    for command in (STEP, STEP, STEP, GO):
        told.append(moments.get(timeout=PATIENCE))
        time.sleep(0.2)
        assert moments.empty(), "a paused run has nothing to tell"
        commands.send(command)
    while not told[-1].is_last:
        told.append(moments.get(timeout=PATIENCE))
    lines = [f"{moment.words[0]}, {len(moment.positions)} positions\n" for moment in told]
    (settings.folder / "told.txt").write_text("".join(lines))
