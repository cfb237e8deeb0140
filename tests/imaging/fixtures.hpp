#pragma once

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.hpp"
#include "imaging/image.hpp"
#include "tests/catch.hpp"
#include "tests/paths.hpp"

namespace dnsp::testing {

inline std::filesystem::path fixture(const std::string& name) { return fixtures_folder() / "imaging" / name; }

/// Values computed by independent libraries (tests/fixtures/make_imaging_fixtures.py).
inline const nlohmann::json& expected() {
    static const nlohmann::json values = nlohmann::json::parse(std::ifstream(fixture("expected.json")));
    return values;
}

inline imaging::Image image_of(const nlohmann::json& json) {
    imaging::Image image(json.at("height").get<int>(), json.at("width").get<int>());
    image.pixels = json.at("pixels").get<std::vector<float>>();
    return image;
}

/// Largest absolute difference; infinity if the sizes differ.
inline double largest_difference(const imaging::Image& a, const imaging::Image& b) {
    if (a.height != b.height || a.width != b.width || a.pixels.size() != b.pixels.size()) return INFINITY;
    double largest = 0.0;
    for (std::size_t i = 0; i < a.pixels.size(); ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(a.pixels[i]) - b.pixels[i]));
    }
    return largest;
}

/// A temporary folder of a test case; the destructor removes it.
class Scratch {
  public:
    Scratch() {
        std::string pattern = (std::filesystem::temp_directory_path() / "dnsp-imaging-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        folder_ = pattern;
    }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    std::filesystem::path file(const std::string& name) const { return folder_ / name; }
    std::size_t entries() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
    }

  private:
    std::filesystem::path folder_;
};

inline std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void put(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

/// The message of the FileError that the call must throw.
template <class Call>
std::string complaint(Call&& call) {
    try {
        call();
    } catch (const FileError& error) {
        return error.what();
    }
    return "(no FileError)";
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace dnsp::testing
