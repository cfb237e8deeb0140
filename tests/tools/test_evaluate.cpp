// evaluate: its table, its CSV file, and what it refuses.
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using testing::bytes_of;
using testing::run_tool;
using testing::trained;
namespace fs = std::filesystem;

namespace {

/// The fields of every line of a CSV file. A quoted field may hold commas.
std::vector<std::vector<std::string>> csv_rows(const fs::path& path) {
    std::vector<std::vector<std::string>> rows;
    std::istringstream text(bytes_of(path));
    for (std::string line; std::getline(text, line);) {
        std::vector<std::string> row(1);
        bool quoted = false;
        for (const char c : line) {
            if (c == '"')
                quoted = !quoted;
            else if (c == ',' && !quoted)
                row.emplace_back();
            else
                row.back() += c;
        }
        rows.push_back(row);
    }
    return rows;
}

}  // namespace

TEST_CASE("evaluate compares with bicubic on held-out slices and states its conventions") {
    testing::TemporaryFolder folder;
    const auto result = run_tool("evaluate " + trained().volume.string() + " --held-out --weights " +
                                 trained().weights.string() + " --json " + (folder / "e.json").string() +
                                 " --csv " + (folder / "e.csv").string());
    INFO(result.output);
    REQUIRE(result.status == 0);
    const auto json = nlohmann::json::parse(bytes_of(folder / "e.json"));
    REQUIRE(json["methods"].size() == 2);
    REQUIRE(json["methods"][0]["name"] == "bicubic");
    for (const auto& method : json["methods"])
        for (const char* key : {"psnr_db_mean", "psnr_db_ci95", "ssim_mean", "ssim_ci95"})
            REQUIRE(method[key].is_number());
    REQUIRE(json["convention"].contains("data_range"));
    // The metrics are means over the slices in the CSV file.
    const auto rows = csv_rows(folder / "e.csv");
    REQUIRE(rows.at(0) == std::vector<std::string>{"dataset", "subject", "slice", "method", "scale", "regime",
                                                   "seed", "psnr_db", "ssim"});
    double sum = 0.0;
    int n = 0;
    for (const auto& row : rows)
        if (row.at(3) == "bicubic") {
            sum += std::stod(row.at(7));
            ++n;
        }
    REQUIRE(n == json["methods"][0]["n"].get<int>());
    REQUIRE(std::abs(sum / n - json["methods"][0]["psnr_db_mean"].get<double>()) < 1e-5);
    REQUIRE(rows.back().at(0) == trained().volume.parent_path().filename().string());
    REQUIRE(rows.back().at(1) == "head");
    REQUIRE(rows.back().at(3) == "DNSP-srcnn-NP");
    REQUIRE(rows.back().at(6) == "1");
}

TEST_CASE("a degradation that options state replaces that of the weights") {
    testing::TemporaryFolder folder;
    const auto bicubic_score = [&](const std::string& options) {
        const auto result =
            run_tool("evaluate " + trained().volume.string() + " --slice-step 9 --force --json " +
                     (folder / "e.json").string() + options);
        INFO(result.output);
        REQUIRE(result.status == 0);
        return nlohmann::json::parse(bytes_of(folder / "e.json"))["methods"][0]["psnr_db_mean"].get<double>();
    };
    const std::string weights = " --weights " + trained().weights.string();
    const double as_trained = bicubic_score(weights), sharper = bicubic_score(weights + " --blur-sigma 0.6");
    CHECK(sharper == bicubic_score(" --blur-sigma 0.6"));
    CHECK(as_trained == bicubic_score(""));
    CHECK(sharper > as_trained + 0.5);
    CHECK(run_tool("evaluate " + trained().volume.string() + weights + " --scale 3")
              .says("trained for scale 2, --scale is 3"));
    CHECK(run_tool("evaluate " + trained().volume.string() + weights +
                   " --direction through-plane --thickness 3")
              .says("trained for scale 2, --scale is 1"));
}

TEST_CASE("evaluate scores classical methods beside networks and names the subjects of its rows") {
    testing::TemporaryFolder folder;
    const auto scan = (folder / "sub-07_T1w.nii.gz").string();
    imaging::write_nifti(scan, testing::synthetic_head(56, 64, 12));
    const std::string command = "evaluate --method bicubic --method back-projection:steps=5 " + scan +
                                " --weights " + trained().weights.string() +
                                " --dataset 'a, b' --regime 25% --csv " + (folder / "e.csv").string();
    const auto result = run_tool(command);
    INFO(result.output);
    REQUIRE(result.status == 0);
    const auto rows = csv_rows(folder / "e.csv");
    REQUIRE(rows.size() % 3 == 1);
    double gain = 0.0;
    for (std::size_t i = 1; i < rows.size(); i += 3) {
        REQUIRE(rows[i][3] == "bicubic");
        REQUIRE(rows[i + 1][3] == "back-projection:steps=5");
        REQUIRE(rows[i + 2][3] == "DNSP-srcnn-NP");
        gain += std::stod(rows[i + 1][7]) - std::stod(rows[i][7]);
        for (std::size_t k = i; k < i + 3; ++k) {
            REQUIRE(rows[k][0] == "a, b");
            REQUIRE(rows[k][1] == "sub-07");
            REQUIRE(rows[k][4] == "2");
            REQUIRE(rows[k][5] == "25%");
        }
    }
    REQUIRE(gain > 0.0);  // A method that knows the degradation removes some of the blur.

    const auto refused = [&](const std::string& arguments, const std::string& reason) {
        const auto failed = run_tool("evaluate " + scan + " " + arguments);
        INFO(failed.output);
        REQUIRE(failed.status == 1);
        REQUIRE(failed.says(reason));
    };
    refused("--method nearest", "nearest");
    refused("--method back-projection:steps=x", "steps");
    refused("--method bicubic --method bicubic", "given twice");
    const auto other_run = folder / "sub-07_run-2_T1w.nii.gz";
    fs::copy_file(scan, other_run);
    refused(other_run.string() + " --csv " + (folder / "f.csv").string(), "sub-07");
}
