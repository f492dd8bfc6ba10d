"""The pose of a view from landmarks that it may show: a first one, then the one that all of them agree on."""

from slam_frontend.config import TrackerConfig
from slam_frontend.geometry import se3
from slam_frontend.geometry.absolute_pose import refine_pose, solve_pnp
from slam_frontend.geometry.camera import pixel_scale
from slam_frontend.geometry.reprojection import Measurements
from slam_frontend.types import Array, Camera, PoseEstimate, TrackingState, View


def find_pose(positions: Array, keypoints: Array, camera: Camera, config: TrackerConfig) -> Array | None:
    """T_world_cam by RANSAC from (N,3) landmarks and the (N,2) undistorted pixels that may show them; None where fewer
    than ``min_inliers`` agree."""
    pose = solve_pnp(positions, keypoints, camera, config.ransac_threshold * pixel_scale(camera), config.seed)
    if pose is None or pose.inliers.sum() < config.min_inliers:
        return None
    return se3.inverse(pose.T_cam_world)


def settle_pose(
    T_world_cam: Array, view: View, sights: tuple[Array, Array, Array], camera: Camera, config: TrackerConfig
) -> PoseEstimate | None:
    """The pose that ``sights`` (keypoint ids, landmark ids and positions, N each) agree on, from one that is nearly
    right, and those that do; None where they are fewer than ``min_inliers``."""
    keypoint_ids, landmark_ids, positions = sights
    if len(keypoint_ids) < config.min_inliers:
        return None
    pose = refine_pose(se3.inverse(T_world_cam), positions, Measurements.of(view, keypoint_ids, camera), camera)
    if pose is None or pose.inliers.sum() < config.min_inliers:
        return None
    T_world_cam, good = se3.inverse(pose.T_cam_world), pose.inliers
    return PoseEstimate(TrackingState.TRACKING, T_world_cam, keypoint_ids[good], landmark_ids[good])
