"""Bundle adjustment of the part of the map around a keyframe, beside the street that the frames go down."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from slam_frontend.config import MapperConfig
from slam_frontend.geometry import se3
from slam_frontend.geometry.reprojection import Measurements
from slam_frontend.mapping.bundle_adjustment import BundleProblem, adjust, agreeing
from slam_frontend.mapping.landmarks import is_among
from slam_frontend.mapping.lens import LensSearch, LensSolution
from slam_frontend.mapping.local_map import LocalMap
from slam_frontend.types import Array, Camera

FIRST_ITERATIONS = 4  # before sights that disagree are dropped
MIN_SHARED = 15  # landmarks; fewer may be shared by chance (where covisibility begins: Mur-Artal 2015, section III.D)
DELAY = 2  # frames, that of the keyframe included, at whose end a result is taken in, early or waited for

LENS_MIN_KEYFRAMES, LENS_WINDOW = 5, 16  # keyframes at least and at most that a lens is looked for in
LENS_EVERY, LENS_AT_LEAST_EVERY = 2, 8  # keyframes: once two frames pass without a keyframe, and without that


@dataclass(frozen=True)
class _Excerpt:
    """The part of a map that is adjusted, and where it goes back to."""

    free: list[int]  # keyframes that may move
    sights: Array  # (n,) rows of the map's observations
    landmarks: Array  # (P,) ids
    problem: BundleProblem


Solution = tuple[BundleProblem, Array]  # the problem solved, and which of its first sights agree


class LocalAdjustment:
    """Solves in a thread what a keyframe began and takes the result in a fixed number of frames later: two runs are
    the same to the bit, however long it takes. In between rows may be added to the map, not taken out of it.
    """

    def __init__(self, camera: Camera, config: MapperConfig, lens: LensSearch | None = None) -> None:
        """A ``lens`` is looked for from time to time, once a keyframe's result is in."""
        self.camera = camera
        self.config = config
        self.lens = lens
        self._worker = ThreadPoolExecutor(1, "bundle adjustment")
        self._begun: tuple[_Excerpt, Future[Solution]] | None = None
        self._lens_begun: tuple[_Excerpt, Future[LensSolution | None]] | None = None
        self._age = 0
        self._since_lens = 0  # keyframes

    def begin(self, map: LocalMap, keyframe_id: int) -> None:
        """Move the keyframes that share most landmarks with one, and what they see; drop sights that disagree.

        Other keyframes that see its landmarks hold these in place; where each of them shares few with it, the oldest of
        these is held too. The map's oldest never moves: else a camera that comes back again and again takes its world
        with it.
        """
        self.finish(map)
        self._since_lens += 1
        if self._begins_lens(map, LENS_AT_LEAST_EVERY):
            return
        excerpt = _take_out(map, *_choose(map, keyframe_id, self.config.window, self.config.num_fixed), self.camera)
        if excerpt is not None:
            solution = self._worker.submit(_solve, excerpt.problem, self.camera, self.config.max_iterations)
            self._begun, self._age = (excerpt, solution), 0

    def advance(self, map: LocalMap) -> None:
        """A frame has passed."""
        self._age += 1
        if self._age < DELAY:
            return
        is_adjusted = self._begun is not None
        self.finish(map)
        if is_adjusted:
            self._begins_lens(map, LENS_EVERY)

    def finish(self, map: LocalMap) -> None:
        """Take in now what has begun, if anything has."""
        if self._begun is not None:
            excerpt, solution = self._begun
            self._begun = None
            _put_back(map, excerpt, *solution.result())
        if self._lens_begun is not None and self.lens is not None:
            excerpt, found = self._lens_begun
            self._lens_begun = None
            if (surer := found.result()) is not None:
                self.lens.sigma = surer.sigma
                _put_back(map, excerpt, surer.problem, surer.agrees)
                map.undistort(self.lens.camera_with(surer.k1))

    def _begins_lens(self, map: LocalMap, every: int) -> bool:
        """After so many keyframes move the latest, all that they see, and the lens; the oldest of them and those before
        stay."""
        if self.lens is None or self._since_lens < every or len(map.keyframes) < LENS_MIN_KEYFRAMES:
            return False
        oldest, *free = list(map.keyframes)[-LENS_WINDOW:]
        excerpt = _take_out(map, free, [oldest], self.camera)
        if excerpt is None:
            return False
        k1 = map.distortion[0] if map.distortion else 0.0
        found = self._worker.submit(self.lens.solve, excerpt.problem, _pixels(map, excerpt, [*free, oldest]), k1)
        self._lens_begun, self._age, self._since_lens = (excerpt, found), 0, 0
        return True


def _take_out(map: LocalMap, free: list[int], fixed: list[int], camera: Camera) -> _Excerpt | None:
    if not free:
        return None
    sights, seen = _shared_sights(map, free, fixed)
    if not len(seen):
        return None
    problem = _gather(map, [*free, *fixed], len(free), sights, seen, camera)
    return _Excerpt(free, np.concatenate(sights), seen, problem)


def _pixels(map: LocalMap, excerpt: _Excerpt, ids: list[int]) -> Array:
    """(n,2): the sights of an excerpt as found in the images of its keyframes."""
    keypoints = np.concatenate([map.keyframes[id].view.features.keypoints for id in ids])
    firsts = np.cumsum([0, *(len(map.keyframes[id].view.features) for id in ids)])[:-1]
    return np.asarray(keypoints[firsts[excerpt.problem.camera_of] + map.observed_keypoints[excerpt.sights]])


def _solve(problem: BundleProblem, camera: Camera, max_iterations: int) -> Solution:
    problem = adjust(problem, camera, FIRST_ITERATIONS)
    good = agreeing(problem, camera)
    return adjust(problem.select(good), camera, max_iterations), good


def _put_back(map: LocalMap, excerpt: _Excerpt, solved: BundleProblem, good: Array) -> None:
    num_observations = map.num_observations()
    for row, id in enumerate(excerpt.free):
        _move_keyframe(map, id, se3.normalise(se3.inverse(solved.T_cam_world[row])), num_observations)
    map.landmarks.positions[map.landmarks.rows(excerpt.landmarks)] = solved.points
    map.remove_observations(excerpt.sights[~good])
    map.remove_landmarks(map.landmarks.ids[map.num_observations() == 0])


def _choose(map: LocalMap, keyframe_id: int, window: int, num_fixed: int) -> tuple[list[int], list[int]]:
    neighbours = map.covisible(keyframe_id)
    free = [keyframe_id, *(id for id, _ in neighbours[: window - 1])]
    around = neighbours[window - 1 : window - 1 + num_fixed]
    fixed = [id for id, _ in around]
    oldest = min(free)
    if oldest == min(map.keyframes) or not any(shared >= MIN_SHARED for _, shared in around):
        free.remove(oldest)
        fixed.append(oldest)
    return free, fixed


def _shared_sights(map: LocalMap, free: list[int], fixed: list[int]) -> tuple[list[Array], Array]:
    """Rows of the observations of each keyframe, and sorted ids of the landmarks, that tie free keyframes to any
    other."""
    rows = [map.rows_of(id) for id in (*free, *fixed)]
    landmarks = [map.observed_landmarks[of_one] for of_one in rows]
    ids, counts = np.unique(np.concatenate(landmarks), return_counts=True)
    seen = ids[(counts >= 2) & is_among(ids, np.concatenate(landmarks[: len(free)]))]
    return [of_one[is_among(ids, seen)] for of_one, ids in zip(rows, landmarks, strict=True)], seen


def _gather(
    map: LocalMap, ids: list[int], num_free: int, sights: list[Array], seen: Array, camera: Camera
) -> BundleProblem:
    T_cam_world = se3.inverse(np.stack([map.poses[id] for id in ids]))
    points = map.landmarks.positions[map.landmarks.rows(seen)]
    camera_of = np.repeat(np.arange(len(ids)), [len(rows) for rows in sights])
    point_of = np.searchsorted(seen, map.observed_landmarks[np.concatenate(sights)])
    measured = [
        Measurements.of(map.keyframes[id].view, map.observed_keypoints[rows], camera)
        for id, rows in zip(ids, sights, strict=True)
    ]
    return BundleProblem(T_cam_world, num_free, points, camera_of, point_of, Measurements.concatenate(measured))


def _move_keyframe(map: LocalMap, keyframe_id: int, T_world_cam: Array, num_observations: Array) -> None:
    """A new pose for a keyframe; landmarks that it alone sees go with it."""
    step = T_world_cam @ se3.inverse(map.poses[keyframe_id])
    map.poses[keyframe_id] = T_world_cam
    rows = map.landmarks.rows(map.associations(keyframe_id)[1])
    alone = rows[num_observations[rows] == 1]
    map.landmarks.positions[alone] = se3.transform(step, map.landmarks.positions[alone])
