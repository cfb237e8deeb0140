#pragma once

// A training run of a few small steps and its files.
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/synthetic_head.hpp"
#include "training/settings.hpp"
#include "training/split.hpp"

namespace dnsp::testing {

inline TrainingSettings small_settings(const std::string& variant) {
    TrainingSettings settings;
    settings.model = {"edsr", 1, 4, true};
    settings.objective.variant = variant;
    settings.objective.alpha = 1e-6;
    settings.patch = 16;
    settings.batch = 8;
    settings.slice_step = 2;
    settings.patches_per_slice = 2;
    settings.epochs = 3;
    settings.learning_rate = 1e-3;
    settings.validation_slices = 3;
    return settings;
}

inline Split small_split() {
    return split_subjects(
        {make_subject(testing::synthetic_head(56, 64, 60), imaging::make_degradation("gaussian", 2), 2)}, 1);
}

inline std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    REQUIRE(in.good());
    return {std::istreambuf_iterator<char>(in), {}};
}

inline std::vector<nlohmann::json> lines_of(const std::filesystem::path& log, const std::string& event) {
    std::vector<nlohmann::json> out;
    std::ifstream in(log);
    for (std::string line; std::getline(in, line);) {
        auto entry = nlohmann::json::parse(line);
        if (entry["event"] == event) out.push_back(entry);
    }
    return out;
}

inline std::vector<nlohmann::json> step_lines(const std::filesystem::path& log) {
    return lines_of(log, "step");
}

}  // namespace dnsp::testing
