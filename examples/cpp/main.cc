// Writes the keypoints and descriptors of an image into a file of OpenCV's FileStorage.

#include <exception>
#include <iostream>

#include <opencv2/imgcodecs.hpp>

#include "ORBextractor.h"

namespace {

const char* kArguments =
    "{help h  |      | these words}"
    "{@image  |      | the image}"
    "{@out    |      | the file: .yml, .json or .xml}"
    "{max     | 1000 | how many keypoints at most}"
    "{model   | " SUPERPOINT_ONNX " | the exported network, with its card beside it}"
    "{floats  |      | unit descriptors instead of bits}";

void extract(const cv::CommandLineParser& arguments) {
  const std::string path = arguments.get<std::string>("@image"), out = arguments.get<std::string>("@out");
  const cv::Mat image = cv::imread(path, cv::IMREAD_GRAYSCALE);
  if (image.empty()) throw std::runtime_error(path + ": can't be read as an image");

  ORB_SLAM_NAMESPACE::ORBextractor extractor(arguments.get<int>("max"), 1.2f, 8, 20, 7,
                                             arguments.get<std::string>("model"), !arguments.has("floats"));
  std::vector<cv::KeyPoint> keypoints;
  cv::Mat descriptors;
  cv::TickMeter clock;
  clock.start();
  extractor(image, cv::noArray(), keypoints, descriptors);
  clock.stop();

  cv::Mat positions(0, 3, CV_32F);
  for (const cv::KeyPoint& point : keypoints) {
    positions.push_back(cv::Mat((cv::Mat_<float>(1, 3) << point.pt.x, point.pt.y, point.response)));
  }
  cv::FileStorage file(out, cv::FileStorage::WRITE);
  if (!file.isOpened()) throw std::runtime_error(out + ": can't be written; choose another folder");
  file << "keypoints" << positions << "descriptors" << descriptors;
  std::cout << keypoints.size() << " keypoints in " << cvRound(clock.getTimeMilli()) << " ms: " << out << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  cv::CommandLineParser arguments(argc, argv, kArguments);
  if (arguments.has("help") || arguments.get<std::string>("@out").empty()) {
    arguments.printMessage();
    return arguments.has("help") ? 0 : 2;
  }
  try {
    extract(arguments);
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << "\n";
    return 2;
  }
  return 0;
}
