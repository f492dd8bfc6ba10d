"""Runs beside each other: their paths in the same coordinates, and how far each is from the truth."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from slam_frontend.errors import SequenceError
from slam_frontend.evaluation.trajectory import AlignedPair, Alignment, align_to_truth, alignment_of
from slam_frontend.run_folder import RunFolder
from slam_frontend.trajectory import Trajectory
from slam_frontend.types import Array


@dataclass(frozen=True)
class ComparedPath:
    """A trajectory moved onto the comparison's reference."""

    moved: Trajectory
    pair: AlignedPair | None  # of its poses with the truth, where there is one

    @property
    def offsets(self) -> Array:
        """(M,3) from the true positions to the estimated ones of the pair, along the truth's axes."""
        return np.empty((0, 3)) if self.pair is None else self.pair.estimate[:, :3, 3] - self.pair.truth[:, :3, 3]

    @property
    def angles_deg(self) -> Array:
        """(M,) by which the orientations of the pair differ."""
        if self.pair is None:
            return np.empty(0)
        estimate, truth = (Rotation.from_matrix(T[:, :3, :3]) for T in (self.pair.estimate, self.pair.truth))
        return np.asarray(np.rad2deg((truth.inv() * estimate).magnitude()))


@dataclass(frozen=True)
class ComparedRun:
    """A run and its two trajectories, those of its longest map only."""

    run: RunFolder
    alignment: Alignment
    online: ComparedPath
    final: ComparedPath


@dataclass(frozen=True)
class Comparison:
    """Runs of one recording. Without a truth all are moved onto the first one, and nothing is an error."""

    reference: Trajectory | None  # the truth
    runs: list[ComparedRun]

    @property
    def start(self) -> float:
        """When the first frame of all was taken."""
        begins = [run.online.moved.timestamps[0] for run in self.runs if len(run.online.moved)]
        return float(min(begins, default=0.0))

    @property
    def is_metric(self) -> bool:
        """Whether the reference's lengths are metres."""
        return self.reference is not None or self.runs[0].run.is_metric


def compare_runs(runs: list[RunFolder]) -> list[Comparison]:
    """The runs in groups of one recording each, in the order given."""
    groups: list[list[RunFolder]] = []
    for run in runs:
        fitting = (group for group in groups if run.is_of_same_recording(group[0]) and _can_meet(run, group[0]))
        group = next(fitting, None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    return [_compare(group) for group in groups]


def _can_meet(run: RunFolder, first: RunFolder) -> bool:
    """Whether a run without a truth has poses at the times of another, to be moved onto it."""
    return first.truth is not None or _pair(_longest(run, run.final), _longest(first, first.final), "sim3") is not None


def _compare(group: list[RunFolder]) -> Comparison:
    truths = [run.truth for run in group if run.truth is not None]
    if not truths:
        first = _longest(group[0], group[0].final)
        return Comparison(None, [_onto_first(run, first) for run in group])
    longest = max(truths, key=len)
    return Comparison(longest, [_onto_truth(run, longest if run.truth is None else run.truth) for run in group])


def _onto_truth(run: RunFolder, truth: Trajectory) -> ComparedRun:
    """Each trajectory by its own alignment of the frames that were located at their time, as the metrics are."""
    paths = [_longest(run, path) for path in (run.online, run.final)]
    alignment = alignment_of(run.is_metric)
    pairs = [_pair(_keep(path, run.online.located), truth, alignment) for path in paths]
    online, final = (ComparedPath(_moved(path, p), p) for path, p in zip(paths, pairs, strict=True))
    return ComparedRun(run, alignment, online, final)


def _onto_first(run: RunFolder, first: Trajectory) -> ComparedRun:
    """Both trajectories by the motion of the final one: what mapping changed stays to be seen."""
    paths = [_longest(run, path) for path in (run.online, run.final)]
    alignment = alignment_of(run.is_metric)
    pair = _pair(paths[1], first, alignment)
    online, final = (ComparedPath(_moved(path, pair), None) for path in paths)
    return ComparedRun(run, alignment, online, final)


def _longest(run: RunFolder, trajectory: Trajectory) -> Trajectory:
    return _keep(trajectory, run.longest_segment)


def _keep(trajectory: Trajectory, rows: Array) -> Trajectory:
    """Without a table of the run's frames a trajectory may have other rows: all of them stay."""
    return trajectory.keep(rows) if len(rows) == len(trajectory) else trajectory


def _pair(path: Trajectory, reference: Trajectory, alignment: Alignment) -> AlignedPair | None:
    try:
        return align_to_truth(path, reference, alignment)
    except SequenceError:
        return None


def _moved(trajectory: Trajectory, pair: AlignedPair | None) -> Trajectory:
    return trajectory if pair is None else replace(trajectory, T_world_cam=pair.move(trajectory.T_world_cam))
