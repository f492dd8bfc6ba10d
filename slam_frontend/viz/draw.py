"""What the tracker sees, drawn onto the frame."""

from collections import deque

import cv2
import numpy as np

from slam_frontend.types import Array, Frame, FrameResult, PoseEstimate
from slam_frontend.viz import palette

ORANGE, SKY, GREEN = palette.rgb(palette.ORANGE), palette.rgb(palette.SKY), palette.rgb(palette.GREEN)
WHITE = (255, 255, 255)
SUBPIXEL_BITS = 4
TRAIL_LENGTH = 15  # frames


class Tracks:
    """Where the landmarks in sight were seen in the last frames."""

    def __init__(self, length: int = TRAIL_LENGTH) -> None:
        self._history: deque[tuple[Array, Array]] = deque(maxlen=length)

    def update(self, result: FrameResult) -> None:
        """Note where a frame saw which landmark."""
        estimate = result.estimate
        self._history.append((estimate.landmark_ids, result.view.features.keypoints[estimate.keypoint_ids]))

    def trails(self) -> list[Array]:
        """One (L,2) line of pixels for each landmark of the last frame, newest point first, L of 1 and more."""
        if not self._history:
            return []
        ids, points = self._history[-1]
        trails = {landmark: [point] for landmark, point in zip(ids.tolist(), points, strict=True)}
        growing = set(trails)  # a trail ends where its landmark wasn't seen
        for earlier_ids, earlier_points in reversed(list(self._history)[:-1]):
            seen = dict(zip(earlier_ids.tolist(), earlier_points, strict=True))
            growing &= seen.keys()
            for landmark in growing:
                trails[landmark].append(seen[landmark])
        return [np.array(trail) for trail in trails.values()]


def draw_frame(frame: Frame, result: FrameResult, trails: list[Array], zoom: int = 1) -> Array:
    """(zoom*H,zoom*W,3) uint8 RGB: tracked keypoints in green with their trails, the others in blue, and the state in
    words."""
    canvas = cv2.cvtColor(frame.image, cv2.COLOR_GRAY2RGB) if frame.colour is None else frame.colour.copy()
    keypoints, estimate = result.view.features.keypoints, result.estimate
    if zoom > 1:
        canvas = np.asarray(cv2.resize(canvas, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR))
    enlarged = [zoom * (points + 0.5) - 0.5 for points in (keypoints, *trails)]  # pixel centres are whole numbers
    draw_tracks(canvas, enlarged[0], tracked_rows(estimate), enlarged[1:])
    counts = f"{len(estimate.landmark_ids)} of {len(keypoints)} keypoints on landmarks"
    mark = "  KEYFRAME" if result.keyframe else ""
    _write(canvas, f"frame {frame.index}  {estimate.state}  {counts}{mark}")
    return canvas


def tracked_rows(estimate: PoseEstimate) -> Array:
    """Keypoints that see landmarks; before there are any, those that the first keyframe shows too."""
    return np.concatenate([estimate.keypoint_ids, estimate.paired_ids])


def draw_tracks(canvas: Array, keypoints: Array, tracked: Array, trails: list[Array]) -> None:
    """Draw onto an (H,W,3) uint8 RGB canvas the (N,2) keypoints, the tracked rows of them, and where they came from."""
    _draw_points(canvas, np.delete(keypoints, tracked, axis=0), SKY, radius=1)
    cv2.polylines(canvas, [_fixed_point(trail) for trail in trails], False, ORANGE, 1, cv2.LINE_AA, SUBPIXEL_BITS)
    _draw_points(canvas, keypoints[tracked], GREEN, radius=3)


def encode_png(image: Array) -> bytes:
    """An (H,W,3) RGB image as a PNG file."""
    _, data = cv2.imencode(".png", image[:, :, ::-1])
    return bytes(data.tobytes())


def _fixed_point(points: Array) -> Array:
    """OpenCV draws between pixels with integers that count sixteenths."""
    return np.round(points * (1 << SUBPIXEL_BITS)).astype(np.int32).reshape(-1, 1, 2)


def _draw_points(canvas: Array, keypoints: Array, colour: tuple[int, int, int], radius: int) -> None:
    for x, y in _fixed_point(keypoints).reshape(-1, 2).tolist():  # OpenCV has no call that draws many circles
        cv2.circle(canvas, (x, y), radius << SUBPIXEL_BITS, colour, 1, cv2.LINE_AA, SUBPIXEL_BITS)


def _write(canvas: Array, text: str) -> None:
    """White on a darkened strip along the bottom."""
    scale = canvas.shape[1] / 1600 + 0.15
    height = round(40 * scale)
    canvas[-height:] //= 4
    origin = (height // 3, canvas.shape[0] - height // 3)
    cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, WHITE, 1, cv2.LINE_AA)
