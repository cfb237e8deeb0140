// The command line of register.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "imaging/picture.hpp"
#include "tests/catch.hpp"
#include "tests/register/phantom.hpp"
#include "tests/tools/run_tool.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

imaging::Volume small_head(double shift_mm) {
    RigidMap map;
    map.translation = {shift_mm, 0, 0};
    return head_volume({34, 41, 32}, {{{4, 0, 0, -66}, {0, 4, 0, -80}, {0, 0, 4, -62}}}, map);
}

imaging::Picture picture() {
    const imaging::Volume head = small_head(0);
    return {imaging::extract_slice(head, 2, 16), 16};
}

}  // namespace

TEST_CASE("register writes the image and its record") {
    TemporaryFolder folder;
    const auto fixed = folder / "fixed.nii.gz", moving = folder / "moving.nii.gz",
               out = folder / "out.nii.gz";
    imaging::write_nifti(fixed, small_head(0));
    imaging::write_nifti(moving, small_head(3));
    const std::string command = "register " + fixed.string() + " " + moving.string() + " " + out.string();
    const ToolResult result = run_tool(command);
    INFO(result.output);
    REQUIRE(result.status == 0);
    const imaging::Volume registered = imaging::read_nifti(out);
    CHECK(imaging::voxel_to_world(registered) == imaging::voxel_to_world(imaging::read_nifti(fixed)));
    const auto record = nlohmann::json::parse(bytes_of(folder / "out.json"));
    CHECK(record.at("translation_mm")[0].get<double>() == Approx(3).margin(0.2));
    CHECK(record.at("fixed") == "fixed.nii.gz");
    CHECK(record.at("matrix").size() == 4);
    CHECK(record.at("levels").size() == 3);
    CHECK(record.at("view_overlap").get<double>() > 0.9);
    CHECK(record.at("warnings").empty());

    const ToolResult again = run_tool(command);
    CHECK(again.status == 1);
    CHECK(again.says("--force"));
    const std::string bytes = bytes_of(out);
    CHECK(run_tool(command + " --force --json " + (folder / "named.json").string()).status == 0);
    CHECK(bytes_of(out) == bytes);
    CHECK(std::filesystem::exists(folder / "named.json"));
}

TEST_CASE("register draws both images and a checkerboard") {
    if (std::system("command -v gnuplot >/dev/null 2>&1") != 0) DNSP_SKIP("gnuplot is not installed");
    TemporaryFolder folder;
    const auto fixed = folder / "fixed.png", volume = folder / "fixed.nii.gz", png = folder / "overlay.png";
    imaging::write_picture(fixed, picture());
    imaging::write_nifti(volume, small_head(0));
    for (const auto& image : {fixed, volume}) {
        const std::string command =
            fmt::format("register {0} {0} {1} --figure {2} --force", image.string(),
                        (folder / ("out" + image.filename().string())).string(), png.string());
        const ToolResult result = run_tool(command);
        INFO(result.output);
        REQUIRE(result.status == 0);
        const int rows = image == fixed ? 1 : 3;
        CHECK(imaging::read_picture(png).image.width > 3 * 34);
        CHECK(imaging::read_picture(png).image.height > rows * 41);
        CHECK(run_tool(command.substr(0, command.size() - 8)).says("--force"));
    }
}

TEST_CASE("register refuses other kinds, missing files and contradictory options") {
    TemporaryFolder folder;
    const std::string volume = (folder / "v.nii").string(), png = (folder / "p.png").string(),
                      out = (folder / "out.png").string();
    imaging::write_nifti(volume, small_head(0));
    imaging::write_picture(png, picture());
    const auto refuses = [&](const std::string& arguments, const std::string& reason) {
        const ToolResult result = run_tool("register " + arguments);
        INFO(result.output);
        CHECK(result.status != 0);
        CHECK(result.says(reason));
        CHECK_FALSE(std::filesystem::exists(out));
    };
    refuses(png + " " + volume + " " + out, "expected the kind of the fixed image");
    refuses(volume + " " + volume + " " + out, "expected the kind of the fixed image");
    refuses(png + " " + (folder / "absent.png").string() + " " + out, "no such file");
    refuses(png + " " + png + " " + out + " --volume 1", "--volume is for volumes");
    refuses(png + " " + png + " " + out + " --transform bent", "--transform");
    refuses(volume + " " + volume + " " + (folder / "o.nii").string() + " --transform affine", "rigid");
    refuses(png + " " + png + " " + (folder / "absent/o.png").string(), "no such folder");
    CHECK(run_tool("register " + png + " " + png + " " + out).status == 0);
    CHECK(imaging::read_picture(out).bits == 16);
}
