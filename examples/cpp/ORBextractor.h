#ifndef ORBEXTRACTOR_H
#define ORBEXTRACTOR_H

#include <string>
#include <vector>

#include <opencv2/core.hpp>

#include "superpoint.h"

#ifndef ORB_SLAM_NAMESPACE
#define ORB_SLAM_NAMESPACE ORB_SLAM3
#endif
#ifndef SUPERPOINT_ONNX
#define SUPERPOINT_ONNX "superpoint_fast.onnx"
#endif

namespace ORB_SLAM_NAMESPACE {

/// Takes the place of the class of this name in ORB-SLAM2, ORB-SLAM3 and their relatives: one level, the same calls.
class ORBextractor {
 public:
  /// Bits, 32 bytes a row as ORB's, unless floats are wanted; the thresholds of FAST mean nothing here.
  ORBextractor(int num_features, float scale_factor, int num_levels, int initial_fast, int minimal_fast,
               const std::string& model = SUPERPOINT_ONNX, bool is_binary = true);

  /// As ORB-SLAM2 calls it. Unlike ORB's, a mask is kept to: no keypoints where it is 0.
  void operator()(cv::InputArray image, cv::InputArray mask, std::vector<cv::KeyPoint>& keypoints,
                  cv::OutputArray descriptors);

  /// As ORB-SLAM3 calls it: keypoints between the two columns, which another camera sees too, go to the end; the
  /// number of the others.
  int operator()(cv::InputArray image, cv::InputArray mask, std::vector<cv::KeyPoint>& keypoints,
                 cv::OutputArray descriptors, std::vector<int>& lapping_area);

  int GetLevels() { return 1; }
  /// Not 1, by whose logarithm the hosts would divide.
  float GetScaleFactor() { return scale_factor_; }
  std::vector<float> GetScaleFactors() { return {1.0f}; }
  std::vector<float> GetInverseScaleFactors() { return {1.0f}; }
  std::vector<float> GetScaleSigmaSquares() { return {1.0f}; }
  std::vector<float> GetInverseScaleSigmaSquares() { return {1.0f}; }

  std::vector<cv::Mat> mvImagePyramid;  // the image itself; stereo matching compares patches of it

 private:
  slam_frontend::SuperPoint superpoint_;
  float scale_factor_;
  bool is_binary_;
  cv::Mat planes_;  // 256xD, CV_32F
};

}  // namespace ORB_SLAM_NAMESPACE

#endif
