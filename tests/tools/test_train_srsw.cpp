#include "imaging/nifti.hpp"
#include "models/classical/srsw_database.hpp"
#include "tests/catch.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using namespace dnsp::testing;

TEST_CASE("train_srsw writes a database that evaluate uses, bitwise identical for any number of threads") {
    const TemporaryFolder folder;
    const auto first = folder / "a.nii.gz", second = folder / "b.nii.gz", test = folder / "c.nii.gz";
    imaging::write_nifti(first, synthetic_head(40, 44, 16, 1));
    imaging::write_nifti(second, synthetic_head(44, 40, 16, 2));
    imaging::write_nifti(test, synthetic_head(40, 40, 16, 3));
    const auto train = [&](const std::string& name, const std::string& more, const std::string& before = "") {
        return run_tool("train_srsw " + first.string() + " " + second.string() + " --out " +
                            (folder / name).string() + " --pairs 500 " + more,
                        before);
    };
    const ToolResult trained = train("one", "--seed 3 --slice-step 2", "OMP_NUM_THREADS=1");
    INFO(trained.output);
    REQUIRE(trained.status == 0);
    CHECK(trained.says("2 volumes"));
    CHECK(trained.says("500 pairs"));
    REQUIRE(train("four", "--seed 3 --slice-step 2", "OMP_NUM_THREADS=4").status == 0);
    CHECK(bytes_of(folder / "one") == bytes_of(folder / "four"));
    REQUIRE(train("other", "--seed 4 --slice-step 2").status == 0);
    CHECK(bytes_of(folder / "one") != bytes_of(folder / "other"));

    const auto database = classical::read_srsw_database(folder / "one");
    CHECK(database.files == std::vector<std::string>{"a.nii.gz", "b.nii.gz"});
    CHECK(database.low.rows() == 500);
    CHECK(database.seed == 3);
    CHECK(describe(database.degradation) == describe(imaging::make_degradation("gaussian", 2)));
    CHECK(database.low.rowwise().maxCoeff().minCoeff() > 0.1f);

    const std::string method = " --method srsw:database=" + (folder / "one").string();
    const ToolResult scores = run_tool("evaluate " + test.string() + method + ",candidates=4");
    INFO(scores.output);
    CHECK(scores.status == 0);
    CHECK(scores.says("srsw:candidates=4 "));  // The path of the database is no part of the name.
    const ToolResult scale = run_tool("evaluate " + test.string() + method + " --scale 4");
    CHECK(scale.status == 1);
    CHECK(scale.says("was made for"));
}

TEST_CASE("train_srsw refuses what cannot work and keeps existing files") {
    const TemporaryFolder folder;
    const auto volume = folder / "a.nii.gz", out = folder / "pairs";
    imaging::write_nifti(volume, synthetic_head(24, 24, 8));
    const std::string command = "train_srsw " + volume.string() + " --out " + out.string();
    const auto refuses = [&](const std::string& tool, const std::string& reason) {
        const ToolResult result = run_tool(tool);
        INFO(result.output);
        CHECK(result.status != 0);
        CHECK(result.says(reason));
        CHECK_FALSE(std::filesystem::exists(out));
    };
    refuses("train_srsw --out " + out.string(), "no volume");
    refuses("train_srsw " + volume.string(), "--out");
    refuses(command + " --pairs 0", "above 0");
    refuses(command + " --patch 4", "odd");
    refuses(command + " --patch 17", "at most 15");
    refuses(command + " --scale 5", "scale 5");
    refuses(command + " --preset blur", "gaussian-corner");
    refuses("train_srsw " + (folder / "absent.nii").string() + " --out " + out.string(), "absent.nii");
    REQUIRE(run_tool(command).status == 0);
    const std::string before = bytes_of(out);
    CHECK(run_tool(command).says("--force"));
    CHECK(bytes_of(out) == before);
    CHECK(run_tool(command + " --seed 2 --pairs 50 --force").status == 0);
    CHECK(bytes_of(out) != before);
}
