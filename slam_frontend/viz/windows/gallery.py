"""Finished runs as a picture, each in its own panel, all seen from the same place."""

import cv2
import numpy as np

from slam_frontend.types import Array
from slam_frontend.viz.palette import TRUTH
from slam_frontend.viz.space.framing import Viewpoint, overview
from slam_frontend.viz.space.legend import INK, Entry, draw_legend, floor_entry, landmarks_entry
from slam_frontend.viz.space.runs import RunScene
from slam_frontend.viz.windows.window import Window

WIDTH, MAX_HEIGHT = 1280, 860  # pixels of the picture
OVERSAMPLING = 2  # off-screen contexts smooth no edges: drawn twice as large and reduced
BORDER = 200


def render_runs(runs: list[RunScene]) -> Array:
    """(H,1280,3) uint8 RGB of at most 860 rows, with a legend; needs no display."""
    columns = min(len(runs), 2 if len(runs) == 4 else 3)
    rows = -(-len(runs) // columns)
    legend = draw_legend(legend_entries(runs), WIDTH, columns=3)
    panel_width = WIDTH // columns
    titles = _equally_high([draw_legend([run.title], panel_width) for run in runs])
    panel_height = min((MAX_HEIGHT - len(legend)) // rows - len(titles[0]), panel_width)
    pictures = [np.concatenate(pair) for pair in zip(titles, _render(runs, panel_width, panel_height), strict=True)]
    sheet = np.full((rows * len(pictures[0]) + len(legend), WIDTH, 3), 255, np.uint8)
    for place, picture in enumerate(pictures):
        row, column = divmod(place, columns)
        top, left = row * len(picture), column * panel_width
        sheet[top : top + len(picture), left : left + panel_width] = picture
        sheet[top : top + len(picture), left : left + int(column > 0)] = BORDER
    sheet[-len(legend) :] = legend
    return sheet


def legend_entries(runs: list[RunScene], with_ages: bool = False) -> list[Entry]:
    """What the runs have in common."""
    steps = list(dict.fromkeys(run.scene.floors[0].step for run in runs))
    in_images = all(run.has_colours for run in runs) and not with_ages
    return [
        *([Entry("dashed", "truth", TRUTH)] if any(run.has_truth for run in runs) else []),
        Entry("dot", "start"),
        Entry("camera", "some of the keyframes", runs[0].title.colour if len(runs) == 1 else INK),
        landmarks_entry(in_images),
        floor_entry(steps, all(run.is_metric for run in runs)),
    ]


def same_recording(runs: list[RunScene], run: RunScene) -> list[RunScene]:
    """Those of the runs that show the same places."""
    return [other for other in runs if other.recording == run.recording]


def common_view(runs: list[RunScene], aspect: float) -> Viewpoint:
    """A view that shows all of them when each is drawn alone."""
    heart = np.concatenate([run.scene.heart() for run in runs])
    return overview(heart, runs[0].forward, runs[0].scene.up, aspect)


def _equally_high(pictures: list[Array]) -> list[Array]:
    highest = max(map(len, pictures))
    return [np.pad(one, ((0, highest - len(one)), (0, 0), (0, 0)), constant_values=255) for one in pictures]


def _render(runs: list[RunScene], width: int, height: int) -> list[Array]:
    window = Window("slam-frontend", OVERSAMPLING * width, OVERSAMPLING * height, visible=False)
    try:
        window.thicken(OVERSAMPLING)
        pictures = []
        for run in runs:
            window.look(common_view(same_recording(runs, run), width / height))
            window.show(run.scene)
            pictures.append(cv2.resize(window.capture(), (width, height), interpolation=cv2.INTER_AREA))
        return pictures
    finally:
        window.close()
