#pragma once

#include <string>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/dnn.hpp>

namespace slam_frontend {

struct Settings {
  int max_keypoints = 1000;
  float threshold = 0.005f;  // of the heatmap
  bool sharpen = false;      // place keypoints by the image's structure
  int nms_radius = 4;        // pixels
  int border = 4;            // pixels without keypoints
};

/// The settings that a model needs, from the card that lies beside it: superpoint.json beside superpoint.onnx.
Settings read_card(const std::string& model);

/// The exported network and what makes keypoints of its outputs; one object for each thread.
class SuperPoint {
 public:
  SuperPoint(const std::string& model, const Settings& settings);

  /// Keypoints, best first, with the centre of the first pixel at (0, 0), and as many rows of unit descriptors,
  /// CV_32F. The image is grey or BGR, CV_8U, of any size; where nothing is found, both are empty.
  void extract(const cv::Mat& image, std::vector<cv::KeyPoint>& keypoints, cv::Mat& descriptors);

 private:
  cv::dnn::Net net_;
  Settings settings_;
};

}  // namespace slam_frontend
