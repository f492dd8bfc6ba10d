// Writes the keypoints and descriptors of an image into a file of OpenCV's FileStorage.

#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <opencv2/imgcodecs.hpp>

#include "ORBextractor.h"

namespace {

const char* kArguments =
    "{help h  |      | these words}"
    "{@image  |      | the image}"
    "{@out    |      | the file: .yml, .json or .xml}"
    "{max     | 1000 | how many keypoints at most: --max=500}"
    "{model   | " SUPERPOINT_ONNX " | the exported network, with its card beside it: --model=FILE}"
    "{floats  |      | unit descriptors instead of bits}";

// cv::CommandLineParser passes over what it doesn't know, and takes a value after a space for a file.
void requireKnownOptions(int argc, char** argv) {
  for (const std::string& word : std::vector<std::string>(argv + 1, argv + argc)) {
    const bool hasValue = word.rfind("--max=", 0) == 0 || word.rfind("--model=", 0) == 0;
    if (word[0] != '-' || hasValue || word == "--floats" || word == "--help" || word == "-h") continue;
    throw std::runtime_error(word + ": no such option; expected --max=NUMBER, --model=FILE, --floats or --help");
  }
}

void extract(const cv::CommandLineParser& arguments) {
  const int count = arguments.get<int>("max");
  const bool isNumber = arguments.get<std::string>("max").find_first_not_of("0123456789") == std::string::npos;
  if (!isNumber || !arguments.check() || count < 1) {
    throw std::runtime_error("--max: expected a positive number, as in --max=500");
  }
  const std::string path = arguments.get<std::string>("@image"), out = arguments.get<std::string>("@out");
  const cv::Mat image = cv::imread(path, cv::IMREAD_GRAYSCALE);
  if (image.empty()) throw std::runtime_error(path + ": can't be read as an image");

  ORB_SLAM_NAMESPACE::ORBextractor extractor(count, 1.2f, 8, 20, 7,
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
  try {
    requireKnownOptions(argc, argv);
    cv::CommandLineParser arguments(argc, argv, kArguments);
    if (arguments.has("help") || arguments.get<std::string>("@out").empty()) {
      arguments.printMessage();
      return arguments.has("help") ? 0 : 2;
    }
    extract(arguments);
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << "\n";
    return 2;
  }
  return 0;
}
