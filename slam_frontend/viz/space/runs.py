"""Finished runs as scenes in the coordinates of their truth."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from slam_frontend.errors import SequenceError
from slam_frontend.evaluation.trajectory import AlignedPair, align_to_truth, alignment_of, level
from slam_frontend.ply import PointCloud
from slam_frontend.run_folder import SAME_TIME, RunFolder
from slam_frontend.trajectory import Trajectory, associate
from slam_frontend.types import Array
from slam_frontend.viz.palette import RUN_COLOURS, TRUTH
from slam_frontend.viz.plots import error_unit
from slam_frontend.viz.space.legend import Entry
from slam_frontend.viz.space.scene import (
    Cameras,
    Path3d,
    Scene,
    by_age,
    floor_below,
    on_paper,
    thinned,
    upward,
)

UNBROKEN = "\N{NO-BREAK SPACE}"  # between a number and its unit
APART = 2.0  # between two cameras, in their own size


@dataclass(frozen=True)
class RunScene:
    """One run, ready to be drawn."""

    title: Entry
    scene: Scene
    by_age: Array  # (P,3) uint8, other colours of its landmarks
    has_colours: bool  # whether the scene's own are those of the images
    forward: Array  # (3,) where its cameras look on the whole
    has_truth: bool
    is_metric: bool
    recording: int  # equal for those that show the same one


def run_scenes(runs: list[tuple[RunFolder, PointCloud]], truth: Trajectory | None = None) -> list[RunScene]:
    """Each run against the truth that is given, or that a run of its recording kept, or else against the first of them.

    SequenceError where a given truth has nothing to do with a run.
    """
    scenes = []
    for number, (run, cloud) in enumerate(runs):
        akin = [other for other, _ in runs if other is run or run.is_of_same_recording(other)]
        true = truth or run.truth or next((other.truth for other in akin if other.truth), None)
        reference = true or (None if run is akin[0] else _longest(akin[0]))
        pair = _pair(run, _judged(run) if true else _longest(run), reference, must_fit=truth is not None)
        colour = RUN_COLOURS[number % len(RUN_COLOURS)]
        scene = _run_scene(run, cloud, pair, true if pair else None, colour)
        scenes.append(replace(scene, recording=next(i for i, (other, _) in enumerate(runs) if other is akin[0])))
    return scenes


def _pair(run: RunFolder, estimate: Trajectory, reference: Trajectory | None, must_fit: bool) -> AlignedPair | None:
    if reference is None:
        return None
    try:
        return level(align_to_truth(estimate, reference, alignment_of(run.is_metric)))
    except SequenceError:
        if must_fit:
            raise
        return None


def _longest(run: RunFolder) -> Trajectory:
    return run.final if run.frames is None else run.final.keep(run.longest_segment)


def _judged(run: RunFolder) -> Trajectory:
    """Of them the frames that were located at their time, whose errors are those of metrics.json."""
    longest, located = _longest(run), run.online.select(run.online.located)
    return longest.select(associate(longest.timestamps, located.timestamps, SAME_TIME)[:, 0])


def _run_scene(
    run: RunFolder, cloud: PointCloud, pair: AlignedPair | None, truth: Trajectory | None, colour: str
) -> RunScene:
    cloud = _of_longest_map(cloud, run)
    T_world_cam, points = _longest(run).T_world_cam, cloud.positions.astype(np.float64)
    if pair is not None:
        T = pair.T_truth_estimate
        T_world_cam, points = pair.move(T_world_cam), pair.scale * points @ T[:3, :3].T + T[:3, 3]
    poses = T_world_cam[np.isfinite(T_world_cam).all(axis=(1, 2))]
    if not len(poses):
        raise SequenceError(f"{run.path}: this run never located its camera, so there is nothing to see")
    paths = [Path3d(colour, T_world_cam[:, :3, 3])]
    if truth is not None:
        paths.append(Path3d(TRUTH, truth.during(run.final.timestamps).T_world_cam[:, :3, 3], is_dashed=True))
    ages = by_age(len(points))
    results = [text.replace(" ", UNBROKEN) for text in (f"{len(points):,} landmarks", *_error(pair, truth))]
    scene = Scene(
        up=upward(poses),
        paths=tuple(paths),
        starts=poses[:1, :3, 3],
        points=points,
        colours=ages if cloud.colours is None else on_paper(cloud.colours),
    )
    return RunScene(
        title=Entry("line", ", ".join([run.name, *results]), colour),
        scene=_furnished(scene, Cameras(colour, _keyframes(run, T_world_cam), 1.0, _shape(run))),
        by_age=ages,
        has_colours=cloud.colours is not None,
        forward=poses[:, :3, 2].mean(axis=0),
        has_truth=truth is not None,
        is_metric=run.is_metric or truth is not None,
        recording=0,
    )


def _of_longest_map(cloud: PointCloud, run: RunFolder) -> PointCloud:
    """The landmarks that have to do with the path that is shown."""
    if cloud.segments is None or run.frames is None or not run.longest_segment.any():
        return cloud
    return cloud.select(cloud.segments == run.frames.segments[run.longest_segment][0])


def _error(pair: AlignedPair | None, truth: Trajectory | None) -> list[str]:
    if pair is None or truth is None:
        return []
    rmse = float(np.sqrt(np.mean(pair.errors**2)))
    unit, per_metre = error_unit(rmse)
    return [f"ATE {per_metre * rmse:.3g} {unit}"]


def _keyframes(run: RunFolder, T_world_cam: Array) -> Array:
    """(K,4,4) poses of the keyframes; without a table, of all frames."""
    rows = np.ones(len(T_world_cam), bool) if run.frames is None else run.frames.is_keyframe
    return np.asarray(T_world_cam[rows & np.isfinite(T_world_cam).all(axis=(1, 2))])


def _shape(run: RunFolder) -> tuple[float, float]:
    """Half the width and height that an image of the run is drawn with."""
    picture = next((cv2.imread(str(path)) for path in run.pictures.values()), None)
    return (0.5, 0.375) if picture is None else (0.5, 0.5 * picture.shape[0] / picture.shape[1])


def _furnished(scene: Scene, cameras: Cameras) -> Scene:
    """With a floor, and with cameras that are not so many that one hides the other."""
    depth = scene.camera_depth()
    cameras = replace(cameras, depth=depth, T_world_cam=thinned(cameras.T_world_cam, APART * depth))
    return replace(scene, cameras=(cameras,), floors=(floor_below(scene.heart(), scene.up),))
