"""Recordings of many layouts, read as one kind of sequence."""

from slam_frontend.datasets.base import Reader, SensorChoice, Sequence, require_frame
from slam_frontend.datasets.calibration import Calibration, load_calibration
from slam_frontend.datasets.opening import open_sequence

__all__ = ["Calibration", "Reader", "SensorChoice", "Sequence", "load_calibration", "open_sequence", "require_frame"]
