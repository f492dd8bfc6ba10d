"""Features of shrunk images lie where they are in the image."""

import cv2
import numpy as np

from slam_frontend.features import create_extractor, extract_at_most


def test_keypoints_of_a_shrunk_image_lie_where_they_are_in_the_image() -> None:
    """Squares whose corners fall on whole pixels of the small image."""
    image = np.full((480, 640), 40, np.uint8)
    image[120:360, 160:480] = 220
    extractor = create_extractor({"name": "fast", "max_keypoints": 50})
    features = extract_at_most(extractor, cv2.GaussianBlur(image, (0, 0), 2), 320)
    corners = np.array([[159.5, 119.5], [479.5, 119.5], [159.5, 359.5], [479.5, 359.5]])  # edges between two pixels
    gaps = np.linalg.norm(features.keypoints[:, None] - corners, axis=2)
    centre = np.array([features.keypoints[gap.argmin()] for gap in gaps.T]).mean(axis=0)
    assert np.allclose(features.scales, 2)
    assert np.allclose(centre, [319.5, 239.5], atol=0.05)  # the detector's own bias cancels over the four


def test_a_thin_image_can_be_shrunk() -> None:
    features = extract_at_most(create_extractor({"name": "orb"}), np.zeros((1, 5000), np.uint8), 640)
    assert len(features) == 0
