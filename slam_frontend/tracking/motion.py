"""Where the camera should be next."""

from slam_frontend.geometry import se3
from slam_frontend.types import Array

MAX_EXTRAPOLATION = 3.0  # frame intervals; after a longer gap the velocity says nothing


class ConstantVelocity:
    """Goes on as between the last two located frames, in proportion to time."""

    def __init__(self) -> None:
        self.timestamp = 0.0
        self.T_world_cam: Array | None = None
        self.interval = 0.0
        self.twist: Array | None = None  # of T_last_next over ``interval``

    @property
    def is_known(self) -> bool:
        """Whether two frames have told how the camera moves; without, it is expected to stay."""
        return self.twist is not None

    def predict(self, timestamp: float) -> Array | None:
        """The expected T_world_cam, or None before anything was located."""
        if self.T_world_cam is None or self.twist is None or self.interval <= 0:
            return self.T_world_cam
        ratio = (timestamp - self.timestamp) / self.interval
        if not 0 < ratio < MAX_EXTRAPOLATION:
            return self.T_world_cam
        return self.T_world_cam @ se3.exp(ratio * self.twist)

    def update(self, timestamp: float, T_world_cam: Array) -> None:
        """Take in a located frame."""
        if self.T_world_cam is not None:
            self.twist = se3.log(se3.inverse(self.T_world_cam) @ T_world_cam)
            self.interval = timestamp - self.timestamp
        self.timestamp, self.T_world_cam = timestamp, T_world_cam

    def forget(self) -> None:
        """Drop what is known, after getting lost."""
        self.T_world_cam = self.twist = None
