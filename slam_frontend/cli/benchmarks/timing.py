"""Calls timed in turns, so that whatever else the machine does falls on all of them alike."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

PAUSE = 0.005  # seconds between calls, in which one library's threads go to sleep before the next one's wake


@dataclass(frozen=True)
class Times:
    """Milliseconds of a call: on the clock, and of processor time over all cores."""

    wall: float  # median
    best: float
    cpu: float  # median


def in_turns(calls: Mapping[str, Callable[[int], object]], rounds: int) -> dict[str, Times]:
    """Each call, with the number of the round, twice a round: the first finds the others' data in the cache."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for number in range(rounds):
        for name, call in calls.items():
            time.sleep(PAUSE)
            call(number)
            started, busy = time.perf_counter(), time.process_time()
            call(number)
            taken[name].append((time.perf_counter() - started, time.process_time() - busy))
    return {name: _summary(np.array(seconds) * 1e3) for name, seconds in taken.items()}


def _summary(milliseconds: np.ndarray) -> Times:  # type: ignore[type-arg]
    wall, cpu = milliseconds.T
    return Times(float(np.median(wall)), float(wall.min()), float(np.median(cpu)))
