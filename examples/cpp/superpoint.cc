#include "superpoint.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>

#include <opencv2/imgproc.hpp>

namespace slam_frontend {
namespace {

constexpr int kCell = 8, kRefineRadius = 2;
constexpr double kSharpenSigma = 1.5;
constexpr float kPatchSize = 31.0f;  // diameter that ORB gives its keypoints

struct Peak {
  int x, y;
  float score;
};

cv::Mat to_grey(const cv::Mat& image) {
  if (image.type() == CV_8UC1) return image;
  if (image.type() != CV_8UC3) throw std::invalid_argument("expected a grey or BGR image of 8 bits; convert it first");
  cv::Mat grey;
  cv::cvtColor(image, grey, cv::COLOR_BGR2GRAY);
  return grey;
}

/// The image as 1x1xHxW in 0..1, its edge repeated to whole cells.
cv::Mat to_blob(const cv::Mat& grey) {
  const int down = (kCell - grey.rows % kCell) % kCell, right = (kCell - grey.cols % kCell) % kCell;
  cv::Mat padded;
  cv::copyMakeBorder(grey, padded, 0, down, 0, right, cv::BORDER_REPLICATE);
  return cv::dnn::blobFromImage(padded, 1 / 255.0);
}

/// Softmax over the 65 channels of each cell; channel 8*dy+dx is a pixel of it, the last one means "no point".
cv::Mat to_heatmap(const cv::Mat& logits) {
  const int channels = logits.size[1], height = logits.size[2], width = logits.size[3];
  const size_t plane = size_t(height) * width;
  cv::Mat heatmap(height * kCell, width * kCell, CV_32F);
  std::vector<float> values(channels);
  for (int row = 0; row < height; ++row) {
    for (int column = 0; column < width; ++column) {
      const float* cell = logits.ptr<float>() + size_t(row) * width + column;
      for (int channel = 0; channel < channels; ++channel) values[channel] = cell[channel * plane];
      const float highest = *std::max_element(values.begin(), values.end());
      float sum = 0;
      for (float& value : values) sum += value = std::exp(value - highest);
      for (int channel = 0; channel < kCell * kCell; ++channel) {
        heatmap.at<float>(row * kCell + channel / kCell, column * kCell + channel % kCell) = values[channel] / sum;
      }
    }
  }
  return heatmap;
}

/// A heatmap times how much of a corner each pixel is among its neighbours: the smaller eigenvalue of the structure
/// tensor (Shi and Tomasi 1994), over the highest near by, squared.
cv::Mat sharpen(const cv::Mat& heatmap, const cv::Mat& grey) {
  cv::Mat spread, smooth, cornerness, highest;
  cv::GaussianBlur(heatmap, spread, {}, kSharpenSigma);
  grey.convertTo(smooth, CV_32F);
  cv::GaussianBlur(smooth, smooth, {}, kSharpenSigma);
  cv::cornerMinEigenVal(smooth, cornerness, 3, 3);
  cornerness = cv::max(cornerness, 0.0f);
  cv::dilate(cornerness, highest, cv::Mat::ones(9, 9, CV_8U));
  cv::Mat share = cornerness / (highest + 1e-6f);
  return spread.mul(share).mul(share, 2 * CV_PI * kSharpenSigma * kSharpenSigma);  // about a point's mass
}

/// Pixels that are the highest of their square, best first.
std::vector<Peak> find_peaks(const cv::Mat& heatmap, const Settings& settings) {
  const int side = 2 * settings.nms_radius + 1, border = settings.border;
  cv::Mat highest;
  cv::dilate(heatmap, highest, cv::Mat::ones(side, side, CV_8U));
  std::vector<Peak> peaks;
  for (int y = border; y < heatmap.rows - border; ++y) {
    for (int x = border; x < heatmap.cols - border; ++x) {
      const float score = heatmap.at<float>(y, x);
      if (score > settings.threshold && score == highest.at<float>(y, x)) peaks.push_back({x, y, score});
    }
  }
  std::stable_sort(peaks.begin(), peaks.end(), [](const Peak& a, const Peak& b) { return a.score > b.score; });
  if (peaks.size() > size_t(settings.max_keypoints)) peaks.resize(settings.max_keypoints);
  return peaks;
}

/// The centre of mass of the 5x5 square around a peak.
cv::Point2f refine(const cv::Mat& heatmap, const Peak& peak) {
  float mass = 0, dx = 0, dy = 0;
  for (int v = -kRefineRadius; v <= kRefineRadius; ++v) {
    for (int u = -kRefineRadius; u <= kRefineRadius; ++u) {
      const int x = peak.x + u, y = peak.y + v;
      if (x < 0 || y < 0 || x >= heatmap.cols || y >= heatmap.rows) continue;
      const float value = heatmap.at<float>(y, x);
      mass += value;
      dx += value * u;
      dy += value * v;
    }
  }
  mass = std::max(mass, 1e-12f);
  return {peak.x + dx / mass, peak.y + dy / mass};
}

/// Unit descriptors at the keypoints, read between the cells of the coarse map.
cv::Mat sample(const cv::Mat& coarse, const std::vector<cv::KeyPoint>& keypoints) {
  const int depth = coarse.size[1], height = coarse.size[2], width = coarse.size[3];
  const size_t plane = size_t(height) * width;
  const size_t right = width > 1 ? 1 : 0, down = height > 1 ? width : 0;
  cv::Mat descriptors(int(keypoints.size()), depth, CV_32F);
  for (size_t index = 0; index < keypoints.size(); ++index) {
    // the centre of pixel x lies at (x + 0.5) / 8 - 0.5 cells, with the centre of the first cell at 0
    const cv::Point2f point = keypoints[index].pt;
    const float x = std::clamp((point.x + 0.5f) / kCell - 0.5f, 0.0f, float(width - 1));
    const float y = std::clamp((point.y + 0.5f) / kCell - 0.5f, 0.0f, float(height - 1));
    const int column = std::min(int(x), std::max(width - 2, 0)), row = std::min(int(y), std::max(height - 2, 0));
    const float fx = x - column, fy = y - row;
    const float* cell = coarse.ptr<float>() + size_t(row) * width + column;
    cv::Mat descriptor = descriptors.row(int(index));
    for (int channel = 0; channel < depth; ++channel, cell += plane) {
      const float upper = cell[0] * (1 - fx) + cell[right] * fx;
      const float lower = cell[down] * (1 - fx) + cell[right + down] * fx;
      descriptor.at<float>(channel) = upper * (1 - fy) + lower * fy;
    }
    descriptor /= std::max(cv::norm(descriptor), 1e-12);
  }
  return descriptors;
}

}  // namespace

Settings read_card(const std::string& model) {
  const std::string path = model.substr(0, model.rfind('.')) + ".json";
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  // OpenCV's own reader of JSON stops at a null; the card's keys stand before those of its training
  const std::string card = text.str();
  std::smatch threshold, sharpen;
  if (!std::regex_search(card, threshold, std::regex("\"threshold\"\\s*:\\s*([0-9.eE+-]+)")) ||
      !std::regex_search(card, sharpen, std::regex("\"sharpen\"\\s*:\\s*(true|false)"))) {
    throw std::runtime_error(path + ": expected the card of the model, with threshold and sharpen; it is written with it");
  }
  Settings settings;
  settings.threshold = std::stof(threshold[1]);
  settings.sharpen = sharpen[1] == "true";
  return settings;
}

SuperPoint::SuperPoint(const std::string& model, const Settings& settings) : settings_(settings) {
  try {
    net_ = cv::dnn::readNetFromONNX(model);
  } catch (const cv::Exception& error) {
    throw std::runtime_error(model + ": can't be read as a network in ONNX (" + error.err + ")");
  }
}

void SuperPoint::extract(const cv::Mat& image, std::vector<cv::KeyPoint>& keypoints, cv::Mat& descriptors) {
  keypoints.clear();
  descriptors.release();
  if (image.empty()) return;
  const cv::Mat grey = to_grey(image);
  net_.setInput(to_blob(grey));
  std::vector<cv::Mat> outputs;
  net_.forward(outputs, std::vector<std::string>{"logits", "descriptors"});
  cv::Mat heatmap = to_heatmap(outputs[0])({0, 0, grey.cols, grey.rows}).clone();
  if (settings_.sharpen) heatmap = sharpen(heatmap, grey);
  for (const Peak& peak : find_peaks(heatmap, settings_)) {
    keypoints.emplace_back(refine(heatmap, peak), kPatchSize, -1.0f, peak.score);
  }
  if (!keypoints.empty()) descriptors = sample(outputs[1], keypoints);
}

}  // namespace slam_frontend
