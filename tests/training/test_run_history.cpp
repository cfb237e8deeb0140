// The log of a run, read back.
#include "training/run_history.hpp"

#include <cmath>
#include <fstream>

#include "tests/catch.hpp"
#include "tests/training/small_run.hpp"
#include "training/run_log.hpp"

using namespace dnsp;
using namespace dnsp::testing;
namespace fs = std::filesystem;

namespace {

constexpr const char* start = R"({"event": "start", "step": 0, "bicubic": {"psnr_db": 30, "ssim": 0.9},
    "validation": {"psnr_db": 29.5, "ssim": 0.89}, "sample_psnr_db": [28, 27]})";

std::string one_line(std::string text) {
    std::erase(text, '\n');
    return text + "\n";
}

std::string step(int number, const std::string& loss) {
    return one_line(R"({"event": "step", "step": )" + std::to_string(number) + R"(, "loss": )" + loss +
                    R"(, "terms": {"data": 2}, "gradient_norm": {"data": 3}, "lr": 0.5,
                    "parameter_gradient_norm": {"network": 4}})");
}

RunHistory history_of(const std::string& text) {
    testing::TemporaryFolder folder;
    std::ofstream(folder / "log.jsonl") << text;
    return read_run_history(folder / "log.jsonl");
}

std::string error_of(const std::string& text) {
    try {
        history_of(text);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("a history continues over resumptions and leaves out incomplete lines") {
    const std::string epoch =
        R"({"event": "epoch", "step": 2, "seconds": 8, "psnr_db": 31, "ssim": null, "sample_psnr_db": [33, 32]})";
    std::string resume = one_line(start);
    resume.replace(resume.find("start"), 5, "resume").replace(resume.find("\"step\": 0"), 9, "\"step\": 3");
    const std::string ended = R"({"event": "end", "step": 4, "seconds": 5, "finished": true})";
    const RunHistory run =
        history_of(one_line(start) + step(1, "7") + step(2, "6") + one_line(epoch) + step(3, "5") + resume +
                   step(4, "null") + one_line(ended) + R"({"event": "step", "st)");
    CHECK(run.loss.step == std::vector<double>{1, 2, 3, 4});
    CHECK(std::vector<double>(run.loss.value.begin(), run.loss.value.begin() + 3) ==
          std::vector<double>{7, 6, 5});
    CHECK(std::isnan(run.loss.value[3]));
    CHECK(run.terms.at("data").value == std::vector<double>(4, 2));
    CHECK(run.term_gradient_norms.at("data").value == std::vector<double>(4, 3));
    CHECK(run.parameter_gradient_norms.at("network").value == std::vector<double>(4, 4));
    CHECK(run.learning_rate.value == std::vector<double>(4, 0.5));
    CHECK(run.psnr_db.step == std::vector<double>{0, 2, 3});
    CHECK(run.psnr_db.value == std::vector<double>{29.5, 31, 29.5});
    CHECK(std::isnan(run.ssim.value[1]));
    CHECK(run.resumed_at == std::vector<std::int64_t>{3});
    CHECK(run.start["event"] == "resume");
    CHECK((run.step == 4 && run.ended));
    // Step 3 was not timed: its process was killed after the epoch.
    CHECK((run.seconds == 13 && run.timed_steps == 3));
    const std::map<std::int64_t, std::vector<double>> samples{{0, {28, 27}}, {2, {33, 32}}, {3, {28, 27}}};
    CHECK(run.sample_psnr_db == samples);
}

TEST_CASE("a log without the fields of later versions is read, and another file is refused") {
    const RunHistory old = history_of(
        one_line(R"({"event": "start", "step": 0, "validation": {"psnr_db": 1, "ssim": 0.1}})") +
        one_line(
            R"({"event": "step", "step": 1, "loss": 1, "terms": {"data": 1}, "gradient_norm": {"data": 1}, "lr": 1})"));
    CHECK(old.parameter_gradient_norms.empty());
    CHECK(old.sample_psnr_db.empty());
    CHECK_FALSE(old.ended);
    for (const std::string text :
         {"", "no log\n", "[1]\n{\"a\": 1}\n", "{\"event\": \"step\", \"step\": 1}\n", "{\"event\": 3}\n",
          "{\"event\": \"start\"}\n", "{\"event\": \"step\", \"step\": 2e95}\n"}) {
        INFO(text);
        CHECK(error_of(text).find("is not a log of train_dnsp") != std::string::npos);
    }
    CHECK_THROWS_AS(read_run_history("/no/such/log.jsonl"), Error);
}

TEST_CASE("a resumed log keeps no line that is not an object, and a step that is no integer is refused") {
    const testing::TemporaryFolder folder;
    const auto path = folder / "log.jsonl";
    std::ofstream(path) << "\"text\"\n5\n" << one_line(R"({"event": "step", "step": 2})") << "[\n";
    RunLog(path, 2).write({{"event", "resume"}});
    std::ifstream in(path);
    const std::string kept{std::istreambuf_iterator<char>(in), {}};
    CHECK(kept == one_line(R"({"event": "step", "step": 2})") + one_line(R"({"event":"resume"})"));
    std::ofstream(path) << one_line(R"({"event": "step", "step": 2e95})");
    CHECK_THROWS_AS(RunLog(path, 2), Error);
}
