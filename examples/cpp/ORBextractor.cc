#include "ORBextractor.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace ORB_SLAM_NAMESPACE {
namespace {

constexpr int kNumBits = 256;
constexpr unsigned kSeed = 20180521;
constexpr int kStereoBorder = 8;  // stereo matching reads 5 pixels around a keypoint, and checks no border

slam_frontend::Settings settings_of(const std::string& model, int num_features) {
  slam_frontend::Settings settings = slam_frontend::read_card(model);
  settings.max_keypoints = num_features;
  settings.border = kStereoBorder;
  return settings;
}

/// Standard normal numbers in the order of numpy's RandomState, so that the bits are those of slam_frontend in Python.
class Normals {
 public:
  explicit Normals(unsigned seed) : stream_(seed) {}

  double next() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    double x, y, square;
    do {  // Marsaglia and Bray 1964
      x = 2 * uniform() - 1;
      y = 2 * uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square == 0);
    const double factor = std::sqrt(-2 * std::log(square) / square);
    spare_ = factor * x;
    has_spare_ = true;
    return factor * y;
  }

 private:
  double uniform() {  // 53 bits
    const double high = stream_() >> 5, low = stream_() >> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  std::mt19937 stream_;
  double spare_ = 0;
  bool has_spare_ = false;
};

/// 256 planes through the origin, each orthogonal to the diagonal.
cv::Mat draw_planes(int depth) {
  Normals normals(kSeed);
  cv::Mat planes(kNumBits, depth, CV_64F);
  for (int row = 0; row < kNumBits; ++row) {
    for (int column = 0; column < depth; ++column) planes.at<double>(row, column) = normals.next();
    planes.row(row) -= cv::mean(planes.row(row));
  }
  planes.convertTo(planes, CV_32F);
  return planes;
}

/// On which side of the planes the descriptors lie, 8 bits a byte, the first one highest.
cv::Mat binarise(const cv::Mat& descriptors, const cv::Mat& planes) {
  const cv::Mat sides = descriptors * planes.t();
  cv::Mat bits = cv::Mat::zeros(descriptors.rows, kNumBits / 8, CV_8U);
  for (int row = 0; row < sides.rows; ++row) {
    for (int bit = 0; bit < kNumBits; ++bit) {
      if (sides.at<float>(row, bit) > 0) bits.at<uchar>(row, bit / 8) |= 128 >> bit % 8;
    }
  }
  return bits;
}

/// Some keypoints in another order, with their descriptors.
void select(const std::vector<int>& rows, std::vector<cv::KeyPoint>& keypoints, cv::Mat& descriptors) {
  std::vector<cv::KeyPoint> chosen;
  cv::Mat described(0, descriptors.cols, descriptors.type());
  for (int row : rows) {
    chosen.push_back(keypoints[row]);
    described.push_back(descriptors.row(row));
  }
  keypoints = chosen;
  descriptors = described;
}

}  // namespace

ORBextractor::ORBextractor(int num_features, float scale_factor, int, int, int, const std::string& model,
                           bool is_binary)
    : superpoint_(model, settings_of(model, num_features)),
      scale_factor_(scale_factor > 1 ? scale_factor : 1.2f),
      is_binary_(is_binary) {}

void ORBextractor::operator()(cv::InputArray image, cv::InputArray mask, std::vector<cv::KeyPoint>& keypoints,
                              cv::OutputArray descriptors) {
  const cv::Mat picture = image.getMat(), allowed = mask.empty() ? cv::Mat() : mask.getMat();
  mvImagePyramid = {picture};
  cv::Mat found;
  superpoint_.extract(picture, keypoints, found);
  if (!allowed.empty()) {
    std::vector<int> rows;
    for (size_t row = 0; row < keypoints.size(); ++row) {
      const cv::Point pixel(cvRound(keypoints[row].pt.x), cvRound(keypoints[row].pt.y));
      if (allowed.at<uchar>(pixel)) rows.push_back(int(row));
    }
    select(rows, keypoints, found);
  }
  if (keypoints.empty()) {
    descriptors.release();
    return;
  }
  if (is_binary_) {
    if (planes_.empty()) planes_ = draw_planes(found.cols);
    found = binarise(found, planes_);
  }
  found.copyTo(descriptors);
}

int ORBextractor::operator()(cv::InputArray image, cv::InputArray mask, std::vector<cv::KeyPoint>& keypoints,
                             cv::OutputArray descriptors, std::vector<int>& lapping_area) {
  cv::Mat found;
  (*this)(image, mask, keypoints, found);
  std::vector<int> rows(keypoints.size());
  for (size_t row = 0; row < rows.size(); ++row) rows[row] = int(row);
  const auto others = std::stable_partition(rows.begin(), rows.end(), [&](int row) {
    return keypoints[row].pt.x < lapping_area[0] || keypoints[row].pt.x > lapping_area[1];
  });
  const int count = int(others - rows.begin());
  select(rows, keypoints, found);
  if (keypoints.empty()) {
    descriptors.release();
  } else {
    found.copyTo(descriptors);
  }
  return count;
}

}  // namespace ORB_SLAM_NAMESPACE
