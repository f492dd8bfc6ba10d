"""A first pose of a view, to be refined."""

from slam_frontend.config import TrackerConfig
from slam_frontend.geometry import se3
from slam_frontend.geometry.absolute_pose import solve_pnp
from slam_frontend.geometry.camera import pixel_scale
from slam_frontend.types import Array, Camera


def find_pose(positions: Array, keypoints: Array, camera: Camera, config: TrackerConfig) -> Array | None:
    """T_world_cam by RANSAC from (N,3) landmarks and the (N,2) undistorted pixels that may show them; None where fewer
    than ``min_inliers`` agree."""
    pose = solve_pnp(positions, keypoints, camera, config.ransac_threshold * pixel_scale(camera), config.seed)
    if pose is None or pose.inliers.sum() < config.min_inliers:
        return None
    return se3.inverse(pose.T_cam_world)
