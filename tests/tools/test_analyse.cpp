// The tool analyse, run as a user does.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/statistics/close.hpp"
#include "tests/statistics/worked_data.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using nlohmann::json;
using testing::check_close;
using testing::run_tool;
namespace fs = std::filesystem;

namespace {

const std::string header = "dataset,subject,slice,method,scale,regime,seed,psnr_db,ssim\n";

std::string line(const std::string& dataset, int person, int slice, const std::string& method, double psnr_db,
                 int seed = 0, const std::string& regime = "100", int scale = 2) {
    return dataset + ",s" + std::to_string(person) + "," + std::to_string(slice) + ",\"" + method + "\"," +
           std::to_string(scale) + "," + regime + "," + std::to_string(seed) + "," + std::to_string(psnr_db) +
           "," + std::to_string(psnr_db / 100) + "\n";
}

/// The worked data set, methods A, B and C. B and C have the seeds 1 and 2, which lie .1 apart.
std::string worked_lines(const std::string& regime = "100", int scale = 2) {
    std::string text;
    for (int m = 0; m < testing::worked_methods; ++m)
        for (int d = 0; d < testing::worked_datasets; ++d)
            for (int s = 0; s < testing::worked_persons; ++s)
                for (int l = 0; l < testing::worked_slices; ++l) {
                    const double y = testing::worked_value(m, d, s, l);
                    const std::string dataset = "d" + std::to_string(d),
                                      method(1, static_cast<char>('A' + m));
                    for (int seed = m == 0 ? 0 : 1; seed <= (m == 0 ? 0 : 2); ++seed)
                        text += line(dataset, s, l, method, m == 0 ? y : y + 0.1 * (seed - 1.5), seed, regime,
                                     scale);
                }
    return text;
}

/// Runs analyse on a table.
class Run {
  public:
    explicit Run(const std::string& lines, const std::string& options, const std::string& first = header) {
        std::ofstream(folder_ / "scores.csv", std::ios::binary) << first << lines;
        result = run_tool("analyse scores.csv " + options, "cd '" + folder_.path().string() + "' &&");
    }
    json read(const std::string& name = "out.json") const {
        return json::parse(testing::bytes_of(folder_ / name));
    }
    std::string text(const std::string& name) const { return testing::bytes_of(folder_ / name); }
    /// The tool failed, and printed one sentence with the text.
    void require_refusal(const std::string& text, int status = 1) const {
        INFO(result.output);
        REQUIRE(result.status == status);
        REQUIRE(result.says(text));
        REQUIRE(std::count(result.output.begin(), result.output.end(), '\n') == 1);
    }
    testing::ToolResult result;

  private:
    testing::TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("analyse writes both panels of the worked data set") {
    const Run run(worked_lines(), "--reference A --pair C B --json out.json --markdown out.md");
    INFO(run.result.output);
    REQUIRE(run.result.status == 0);
    const json j = run.read();
    CHECK((j["reference"] == "A" && j["scale"] == 2 && j["regime"] == "100"));
    CHECK(j["conventions"]["alpha"] == 0.05);
    const json& a = j["panel_a"]["psnr_db"];
    check_close(a["two_way"]["method"]["ss"], 18.807053, 1e-7);
    check_close(a["two_way"]["method"]["f"], 17.855306, 1e-7);
    CHECK((a["two_way"]["error"]["df"] == 42 && a["two_way"]["interaction"]["df"] == 2));
    check_close(a["additive"]["dataset"]["f"], 29.982831, 1e-7);
    check_close(a["tukey"]["hsd"], 1.083209031, 1e-9);
    REQUIRE(a["cells"].size() == 6);
    CHECK((a["cells"][0]["dataset"] == "d0" && a["cells"][0]["method"] == "A" && a["cells"][0]["n"] == 8));
    check_close(a["cells"][0]["comparison_half_width"], 0.541604516, 1e-9);
    check_close(a["cells"][0]["ci95_half_width"], 0.517792175, 1e-9);
    const json& b = j["panel_b"]["psnr_db"];
    const json& d0 = b["datasets"]["d0"];
    CHECK((d0["people"] == 4 && d0["seeds"]["A"] == json::array({0}) && d0["seeds"]["C"] == json({1, 2})));
    check_close(d0["rm_anova"]["f"], 130.273821, 1e-8);
    CHECK((d0["rm_anova"]["df1"] == 2 && d0["rm_anova"]["df2"] == 6));
    check_close(d0["rm_anova"]["epsilon"], 0.5334371161, 1e-9);
    check_close(d0["rm_anova"]["p_gg"], 0.0010389079, 1e-9);
    check_close(d0["contrasts"]["B"]["mean"], 0.6925375, 1e-9);
    check_close(d0["contrasts"]["B"]["ci95_half_width"], 0.3588877706, 1e-9);
    check_close(d0["contrasts"]["B"]["p"], 0.0086847, 1e-7);
    CHECK(d0["contrasts"]["B"]["df"] == 3);
    check_close(d0["contrasts"]["C"]["p_holm"], 2 * 0.0006070, 2e-7);
    const json& seeds = d0["contrasts"]["C"]["over_seeds"];  // t(.975, 1) · .1/√2 / √2
    CHECK(seeds["n"] == 2);
    check_close(seeds["mean"], 1.377175, 1e-9);
    check_close(seeds["ci95_half_width"], 12.706204736174694 * 0.05, 1e-9);
    CHECK(d0["contrasts"]["C"]["both_intervals_exclude_0"] == true);
    CHECK((d0["pairs"][0]["method"] == "C" && d0["pairs"][0]["base"] == "B"));
    check_close(d0["pairs"][0]["mean"], 0.6846375, 1e-9);
    check_close(d0["friedman"]["chi2"], 8, 1e-12);
    check_close(b["datasets"]["d1"]["contrasts"]["C"]["ci95_half_width"], 0.5915373314, 1e-9);
    check_close(b["split_plot"]["method"]["f"], 185.684805, 1e-8);
    check_close(b["split_plot"]["dataset"]["f"], 4.515740, 1e-6);
    CHECK(j["panel_a"].contains("ssim"));
    check_close(j["panel_b"]["ssim"]["datasets"]["d0"]["contrasts"]["B"]["mean"], 0.006925375, 1e-7);

    const std::string document = run.text("out.md");
    CHECK(document == run.result.output);
    for (const std::string expected :
         {"d0, 8 slices, 4 persons, B 2 seeds, C 2 seeds", "F(2, 42) = 17.86", "F(2, 6) = 130.27",
          "| B | 30.689 ± 0.542 (± 0.518) | **+0.693 ± 0.359** | p = 0.009 | +0.693 ± 0.635 (n = 2) |",
          "no two-sided p below 0.125", "## SSIM"})
        CHECK(document.find(expected) != std::string::npos);
}

TEST_CASE("analyse warns of a difference between means over different seeds") {
    std::string lines;
    for (int person = 0; person < 3; ++person)
        for (const char* method : {"A", "B", "C"})
            for (int seed = 1; seed <= (*method == 'A' ? 3 : 2); ++seed)
                lines += line("d", person, 1, method, 30 + person + .1 * seed + (*method - 'A'), seed);
    const Run run(lines, "--reference A --pair C B");
    INFO(run.result.output);
    REQUIRE(run.result.status == 0);
    CHECK(
        run.result.says("analyse: d: warning: B has the seeds 1, 2 and A the seeds 1, 2, 3: their "
                        "difference is between means over different seeds"));
    CHECK(run.result.says("warning: C has the seeds 1, 2 and A the seeds 1, 2, 3"));
    CHECK_FALSE(run.result.says("and B the seeds"));
}

TEST_CASE("analyse of one data set is one-way, and prints p that underflow as a bound") {
    std::string lines;
    for (int m = 0; m < 2; ++m)
        for (int s = 0; s < 30; ++s)
            for (int l = 0; l < 40; ++l)
                lines += line("d", s, l, m ? "B|b" : "A", 30 + m + 1e-3 * ((7 * s + 3 * l + m) % 5));
    const Run run(lines, "--reference A --json out.json --metric psnr_db");
    INFO(run.result.output);
    REQUIRE(run.result.status == 0);
    CHECK(run.result.says("p < 1e-300"));
    CHECK(run.result.says("| B\\|b |"));
    const json j = run.read();
    CHECK(j["panel_a"]["psnr_db"]["one_way"]["error"]["df"] == 2398);
    CHECK_FALSE(j["panel_a"].contains("ssim"));
    CHECK_FALSE(j["panel_b"]["psnr_db"].contains("split_plot"));
    CHECK(j["panel_b"]["psnr_db"]["datasets"]["d"]["contrasts"]["B|b"]["over_seeds"]["ci95_half_width"]
              .is_null());
}

TEST_CASE("analyse selects data sets, methods, scale and regime, and asks for those it needs") {
    const std::string lines = worked_lines() + worked_lines("25") + worked_lines("100", 3);
    Run(lines, "--reference A")
        .require_refusal("the scores have several scales, 2, 3: choose one with --scale");
    Run(lines, "--reference A --scale 2")
        .require_refusal("the scores have several regimes, 100, 25: choose one with --regime");
    Run(lines, "--reference A --scale 4").require_refusal("--scale 4: no scores have it; they have 2, 3");
    Run(lines, "--reference A --dataset OASIS")
        .require_refusal("--dataset OASIS: no scores have it; they have d0, d1");
    Run(lines, "--reference X --scale 3").require_refusal("there is no method X; the scores have A, B, C");
    const Run run(lines, "--reference C --scale 2 --regime 25 --dataset d1 --method A C --json out.json");
    INFO(run.result.output);
    REQUIRE(run.result.status == 0);
    const json contrasts = run.read()["panel_b"]["psnr_db"]["datasets"]["d1"]["contrasts"];
    CHECK(contrasts.size() == 1);
    check_close(contrasts["A"]["mean"], -1.6893375, 1e-9);
}

TEST_CASE("analyse refuses bad tables in one sentence") {
    Run("", "--reference A").require_refusal("scores.csv: has no scores");
    Run("d,s,0,A,2,,0,nan,.9\n", "--reference A").require_refusal("scores.csv, line 2: psnr_db is 'nan'");
    Run("1\n", "--reference A", "psnr_db\n").require_refusal("scores.csv: the column dataset is missing");
    const std::string lines = worked_lines();
    Run(lines + line("d0", 0, 0, "B", 30, 2), "--reference A")
        .require_refusal("subject s0, slice 0, method B, scale 2, regime 100, seed 2 occurs twice, first in");
    const std::string without_last = lines.substr(0, lines.rfind('\n', lines.size() - 2) + 1);
    Run(without_last, "--reference A")
        .require_refusal("data set d1 lacks method C, subject s3, slice 1, seed 2 (1 of 40 are missing)");
    const auto absent = run_tool("analyse absent.csv --reference A");
    CHECK((absent.status == 1 &&
           absent.says("analyse: absent.csv: cannot be read: No such file or directory")));
    CHECK(run_tool("analyse absent.csv").status == 2);
}

TEST_CASE("analyse keeps existing files unless it is forced") {
    testing::TemporaryFolder folder;
    std::ofstream(folder / "scores.csv") << header << worked_lines();
    std::ofstream(folder / "out.json") << "mine";
    const std::string command = "analyse scores.csv --reference A --json out.json",
                      inside = "cd '" + folder.path().string() + "' &&";
    const auto refused = run_tool(command, inside);
    CHECK((refused.status == 1 && refused.says("out.json")));
    CHECK(testing::bytes_of(folder / "out.json") == "mine");
    CHECK(run_tool(command + " --force", inside).status == 0);
    CHECK(json::parse(testing::bytes_of(folder / "out.json")).contains("panel_b"));
}

TEST_CASE("analyse tests the interaction of method and regime by person") {
    // Gains in 100: 1.0 .8 1.3 .7; in 25: .4 .5 .2 .6. scipy.stats.ttest_1samp([.6, .3, 1.1, .1], 0)
    const double gain_100[] = {1.0, 0.8, 1.3, 0.7}, gain_25[] = {0.4, 0.5, 0.2, 0.6};
    std::string lines;
    for (int s = 0; s < 4; ++s)
        for (int l = 0; l < 2; ++l)
            for (int seed : {1, 2}) {
                const double base = 30 + s + 0.25 * seed + l;
                lines += line("d", s, l, "NP", base, seed) + line("d", s, l, "AP", base + gain_100[s], seed) +
                         line("d", s, l, "NP", base - 1, seed, "25") +
                         line("d", s, l, "AP", base - 1 + gain_25[s], seed, "25");
            }
    const Run run(lines, "--reference NP --interaction AP NP 100 25 --json out.json");
    INFO(run.result.output);
    REQUIRE(run.result.status == 0);
    const json interaction = run.read()["panel_b"]["psnr_db"]["regime_interaction"];
    CHECK((interaction["method"] == "AP" && interaction["regime_b"] == "25"));
    check_close(interaction["datasets"]["d"]["mean"], 0.525, 1e-9);
    check_close(interaction["datasets"]["d"]["p"], 0.09466264740588178, 1e-9);
    check_close(interaction["datasets"]["d"]["ci95_half_width"], 0.6920753719678288, 1e-9);
    CHECK(run.read()["regime"] == "100");
    CHECK(run.result.says("(AP − NP) in 100 minus that in 25"));
    Run(lines, "--reference NP --interaction AP NP 100 50")
        .require_refusal("--regime 50: no scores have it; they have 100, 25");
}

TEST_CASE("analyse corrects the t of repeated random splits") {
    const double differences[] = {0.31, 0.12, 0.45, 0.27, 0.20};
    std::string lines;
    for (int r = 0; r < 5; ++r)
        for (int i = 0; i < 10; ++i)
            for (int l = 0; l < 2; ++l) {
                const int person = (3 * r + i) % 15;
                const std::string split = "split" + std::to_string(r);
                lines += line("d", person, l, "A", 30 + person + l, 0, split) +
                         line("d", person, l, "B", 30 + person + l + differences[r] + (i % 2 ? 0.05 : -0.05),
                              1, split);
            }
    const Run run(lines, "--reference A --repeated-splits 5 10 --json out.json");
    INFO(run.result.output);
    REQUIRE(run.result.status == 0);
    const json d = run.read()["panel_b"]["psnr_db"]["datasets"]["d"];
    CHECK((d["people"] == 15 && d["splits"].size() == 5));
    check_close(d["contrasts"]["B"]["repeated_splits"]["t"], 1.4692585742711497, 1e-6);
    CHECK(d["contrasts"]["B"]["repeated_splits"]["df"] == 4);
    CHECK(run.result.says("corrected t"));
    Run(lines, "--reference A --repeated-splits 5 11")
        .require_refusal("split split0 of data set d tests 10 persons, not 11");
    Run(lines, "--reference A --repeated-splits 5 10 --regime split1").require_refusal("--regime", 2);
}

TEST_CASE("analyse draws its panels where gnuplot is installed") {
    if (std::system("command -v gnuplot >/dev/null 2>&1") != 0) DNSP_SKIP("gnuplot is not installed");
    const Run run(worked_lines(), "--reference A --figure out.png");
    INFO(run.result.output);
    REQUIRE(run.result.status == 0);
    CHECK(run.text("out.png").substr(1, 3) == "PNG");
    CHECK(run.text("out.png").size() > 10000);
}
