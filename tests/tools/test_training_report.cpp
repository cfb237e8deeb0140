// What the page of a training run holds, and which files are refused.
#include "tools/report/training.hpp"

#include "imaging/nifti.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"
#include "tools/report/page.hpp"
#include "tools/report/training_settings.hpp"

using namespace dnsp;
using testing::bytes_of;
using testing::run_tool;
using testing::trained;
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

fs::path fixture() { return testing::fixtures_folder() / "report"; }

/// A copy of the fixture's run, of which a test changes something.
fs::path copy_of_fixture(const testing::TemporaryFolder& folder) {
    fs::copy(fixture(), folder / "run", fs::copy_options::recursive);
    return folder / "run/log.jsonl";
}

const Json& chart(const Json& data, const char* title) {
    for (const Json& each : data["charts"])
        if (each["title"] == title) return each;
    FAIL("no chart " << title);
    return data;
}

const Json* setting(const Json& groups, const std::string& name) {
    for (const Json& group : groups)
        for (const Json& row : group["rows"])
            if (row["name"] == name) return &row;
    return nullptr;
}

/// The data in a page of HTML.
Json data_of(const fs::path& page) {
    const std::string text = bytes_of(page), mark = "id=\"data\">";
    const std::size_t first = text.find(mark) + mark.size();
    return Json::parse(text.substr(first, text.find("</script>", first) - first));
}

}  // namespace

TEST_CASE("the curves of a report are those of the log, each term multiplied by its weight") {
    const Json data = tools::training_report_data(fixture() / "log.jsonl");
    std::ifstream in(fixture() / "log.jsonl");
    std::vector<Json> steps;
    for (std::string line; std::getline(in, line);)
        if (auto entry = Json::parse(line); entry["event"] == "step") steps.push_back(entry);
    REQUIRE(steps.size() == 40);
    const auto& loss = chart(data, "Training loss")["curves"][0];
    const auto& terms = chart(data, "Terms of the loss, weight · value")["curves"];
    const auto& norms = chart(data, "Gradient norm of the loss with respect to the parameters")["curves"];
    const auto& term_norms =
        chart(data, "Gradient norm of each weighted term with respect to the output")["curves"];
    const auto& rate = chart(data, "Learning rate of the network")["curves"][0];
    REQUIRE(terms.size() == 4);
    CHECK(terms[0]["name"] == "1 · data");
    CHECK(terms[1]["name"] == "2e-06 · low_rank");
    CHECK(terms[2]["name"] == "−0.005 · learned_sharpness");
    CHECK(terms[3]["name"] == "1e-07 · filter_measure");
    for (std::size_t i = 0; i < steps.size(); ++i) {
        REQUIRE(loss["step"][i] == i + 1);
        REQUIRE(loss["value"][i] == steps[i]["loss"]);
        REQUIRE(rate["value"][i] == steps[i]["lr"]);
        REQUIRE(terms[1]["value"][i] == 2e-6 * steps[i]["terms"]["low_rank"].get<double>());
        REQUIRE(terms[2]["value"][i] == -5e-3 * steps[i]["terms"]["learned_sharpness"].get<double>());
        REQUIRE(term_norms[1]["value"][i] == steps[i]["gradient_norm"]["low_rank"]);
        REQUIRE(norms[0]["value"][i] == steps[i]["parameter_gradient_norm"]["network"]);
        REQUIRE(norms[1]["value"][i] == steps[i]["parameter_gradient_norm"]["filters"]);
    }
    const auto& psnr = chart(data, "Held-out PSNR")["curves"];
    CHECK(psnr[0]["step"] == Json({0, 10, 15, 20, 30, 40}));
    CHECK(psnr[1]["value"] == Json({28.0, 28.0}));
    CHECK(psnr[1]["step"] == Json({0, 40}));
}

TEST_CASE("a report tells settings, samples, times and resumptions") {
    const Json data = tools::training_report_data(fixture() / "log.jsonl");
    CHECK(data["title"] == "Training of edsr under AP");
    CHECK(data["warnings"].empty());
    CHECK(data["facts"][2]["value"] == "40 of 40");
    CHECK(data["facts"][4]["value"] == "1:20");  // 30 s and 50 s
    CHECK(data["facts"][4]["note"] == "0.5 steps/s with validation");
    CHECK(data["record"].back() == Json({"resumed", "after step 15"}));

    REQUIRE(setting(data["settings"], "--alpha") != nullptr);
    CHECK((*setting(data["settings"], "--alpha"))["value"] == "2e-06");
    CHECK((*setting(data["settings"], "--alpha"))["default"] == "1e-06");
    CHECK((*setting(data["settings"], "--model"))["default"] == "srcnn");
    CHECK((*setting(data["settings"], "--schedule"))["default"] == "constant");
    CHECK((*setting(data["settings"], "--epochs"))["default"] == "50");
    for (const char* flag : {"--beta", "--lr", "--precision", "--conv"}) {
        INFO(flag);
        const bool given = std::string(flag) == "--lr";
        CHECK(setting(data["settings"], flag)->contains("default") == given);
    }
    REQUIRE(data["samples"].size() == 2);
    const Json& second = data["samples"][1];
    CHECK(second["caption"] == "person9.nii.gz, slice 21");
    CHECK(second["input_psnr_db"] == 28.25);
    REQUIRE(second["frames"].size() == 6);
    CHECK(second["frames"][3]["step"] == 20);
    CHECK(second["frames"][3]["psnr_db"] == 29.5);
    for (const char* key : {"truth", "input", "input_error"})
        CHECK(second[key].get<std::string>().starts_with("data:image/png;base64,"));
}

TEST_CASE("a report of a long run shows means, and at most thirteen pictures of a slice") {
    testing::TemporaryFolder folder;
    const fs::path log = copy_of_fixture(folder);
    {
        std::ofstream out(log, std::ios::app);
        for (int step = 41; step <= 2000; ++step) {
            nlohmann::json line = {{"event", "step"},
                                   {"step", step},
                                   {"loss", step % 3},
                                   {"terms", {{"data", 1}}},
                                   {"gradient_norm", {{"data", 1}}},
                                   {"lr", 1}};
            out << line.dump() << "\n";
            if (step % 100 != 0) continue;
            out << nlohmann::json({{"event", "epoch"},
                                   {"step", step},
                                   {"psnr_db", 30},
                                   {"ssim", 0.9},
                                   {"seconds", 1},
                                   {"sample_psnr_db", {30, 30}}})
                       .dump()
                << "\n";
            for (const char* number : {"1", "2"}) {
                const std::string name = (folder / "run/samples/slice").string() + number;
                fs::copy_file(name + "_truth.png",
                              name + "_step" + (step < 1000 ? "000" : "00") + std::to_string(step) + ".png");
            }
        }
    }
    const Json data = tools::training_report_data(log);
    const Json& loss = chart(data, "Training loss")["curves"][0];
    CHECK(loss["window"] == 3);  // 2000 steps, at most 800 points
    CHECK(loss["value"].size() == 667);
    CHECK(loss["step"][665] == 1998);
    CHECK(loss["value"][665] == 1.0);  // the mean of 1, 2 and 0
    CHECK(loss["step"][666] == 2000);
    CHECK(loss["value"][666] == 1.5);
    const Json& frames = data["samples"][0]["frames"];
    CHECK(frames.size() == 13);
    CHECK((frames.front()["step"] == 0 && frames.back()["step"] == 2000));
}

TEST_CASE("a report warns of a run that has not finished, and of missing pictures") {
    testing::TemporaryFolder folder;
    const fs::path log = copy_of_fixture(folder);
    std::string text = bytes_of(log), kept;
    const auto up_to = [&](const std::string& mark) {
        return text.substr(0, text.find('\n', text.find(mark)) + 1);
    };
    std::ofstream(log) << up_to("\"event\": \"end\"");
    CHECK(tools::training_report_data(log)["warnings"][0] ==
          "15 of 40 steps are done: the run was interrupted. train_dnsp --resume continues it.");
    std::ofstream(log) << up_to("\"step\": 12,") +
                              R"({"event": "no_graph", "step": 12, "reason": "no </script> for it"})";
    const Json data = tools::training_report_data(log);
    CHECK(data["warnings"][0] ==
          "12 of 40 steps are done: the run was stopped, failed or is still running. train_dnsp --resume "
          "continues it.");
    CHECK(data["warnings"][1] == "Steps did not run as a CUDA graph: no </script> for it");
    // The text must not end the element of the page that holds it.
    std::ofstream(folder / "page.html") << tools::training_report(log);
    CHECK(data_of(folder / "page.html") == data);

    fs::remove(folder / "run/samples/slice2_truth.png");
    const Json without = tools::training_report_data(log);
    CHECK(without["samples"].empty());
    CHECK(without["no_samples"].get<std::string>().find("slice2_truth.png") != std::string::npos);
}

TEST_CASE("a report path that cannot be written is found before the training") {
    testing::TemporaryFolder folder;
    const auto volume = (folder / "head.nii").string(), out = (folder / "run").string();
    imaging::write_nifti(volume, testing::synthetic_head(40, 44, 60));
    fs::create_directories(folder / "folder.html");
    std::ofstream(folder / "old.html") << "old";
    const auto path = [&](const char* name) { return (folder / name).string(); };
    for (const auto& [report, reason] :
         std::vector<std::pair<std::string, std::string>>{{path("absent/r.html"), "no such folder"},
                                                          {path("folder.html"), "is a folder"},
                                                          {path("scan.nii"), "ends in .html"},
                                                          {"/proc/r.html", "/proc/r.html"},
                                                          {path("old.html"), "already exists"}}) {
        INFO(report);
        // A training of hours would outlast the test.
        const auto result =
            run_tool("train_dnsp " + volume + " --out " + out + " --epochs 100000 --report " + report);
        INFO(result.output);
        CHECK(result.status == 1);
        CHECK(result.says(reason));
        CHECK_FALSE(result.says("parameters"));
        CHECK_FALSE(fs::exists(folder / "run/log.jsonl"));
        const auto plotted = run_tool("plot_training '" + fixture().string() + "' --report '" + report + "'");
        CHECK(plotted.status == 1);
        CHECK(plotted.says(reason));
    }
    CHECK(bytes_of(folder / "old.html") == "old");
    CHECK(run_tool("plot_training '" + fixture().string() + "'").says("nothing to write"));
    CHECK(
        run_tool("plot_training " + path("absent") + " --report " + path("r.html")).says("cannot be opened"));
    CHECK_FALSE(fs::exists(folder / "r.html"));
}

TEST_CASE("train_dnsp writes its report at the end, when interrupted, and again when resumed") {
    testing::TemporaryFolder folder;
    const std::string out = (folder / "run").string(), report = (folder / "run/r.html").string(),
                      command = "train_dnsp " + trained().volume.string() + " --out " + out +
                                " --prior NP --patch 16 --batch 8 --slice-step 8 --report " + report;
    // Interrupted after its first checkpoint.
    const auto interrupted =
        run_tool(command + " --epochs 100000 >/dev/null 2>&1 & p=$!; while [ ! -f " + out +
                 "/checkpoint.safetensors ]; do sleep 0.05; done; kill -TERM $p; wait $p; exit $?");
    INFO(interrupted.output);
    REQUIRE(interrupted.status == 130);
    const Json before = data_of(report);
    REQUIRE(before["warnings"].size() >= 1);
    CHECK(before["warnings"][0].get<std::string>().find("was interrupted") != std::string::npos);
    const auto steps = chart(before, "Training loss")["curves"][0]["step"].size();
    REQUIRE(steps >= 1);
    const auto resumed = run_tool("train_dnsp --resume --out " + out + " --report " + report + " --steps " +
                                  std::to_string(steps + 2));
    INFO(resumed.output);
    REQUIRE(resumed.status == 0);
    CHECK(resumed.says("report: " + report));
    const Json after = data_of(report);
    const Json& loss = chart(after, "Training loss")["curves"][0];
    CHECK(loss["step"].size() == steps + 2);
    CHECK(loss["step"][0] == 1);
    // The page of a run without training.
    REQUIRE(run_tool("plot_training " + out + " --report " + (folder / "again.html").string()).status == 0);
    CHECK(bytes_of(folder / "again.html") == bytes_of(report));
}

TEST_CASE("a run that diverges still writes its report") {
    testing::TemporaryFolder folder;
    const std::string report = (folder / "r.html").string();
    const auto result =
        run_tool("train_dnsp " + trained().volume.string() + " --out " + (folder / "run").string() +
                 " --prior NP --patch 16 --batch 8 --slice-step 4 --lr 1e30 --report " + report);
    INFO(result.output);
    CHECK(result.status == 1);
    CHECK(result.says("no longer finite"));
    CHECK(data_of(report)["warnings"][0].get<std::string>().find("failed") != std::string::npos);
}
