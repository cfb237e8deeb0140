#include "imaging/image_folder.hpp"

#include "imaging/file_names.hpp"
#include "imaging/nifti.hpp"
#include "imaging/picture.hpp"
#include "imaging/volume_file.hpp"
#include "tests/imaging/fixtures.hpp"
#include "tests/synthetic_head.hpp"

using namespace dnsp;
using namespace dnsp::imaging;
using dnsp::testing::Scratch;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> names_of(const std::vector<fs::path>& paths) {
    std::vector<std::string> names;
    for (const fs::path& path : paths) names.push_back(path.filename().string());
    return names;
}

}  // namespace

TEST_CASE("a folder lists images whatever the case of their names, and names what it ignores") {
    const Scratch folder;
    for (const char* name :
         {"b.nii.gz", "A.NII", "C.Nii.GZ", "d.MGZ", "e.PNG", "._b.nii.gz", ".hidden.nii", "b.json", "b.bval",
          "b.bvec", "participants.tsv", "README", "LICENSE.txt", "notes.txt", "scan.hdr"})
        std::ofstream(folder.file(name)) << "x";
    fs::create_directory(folder.file("sub-01"));
    fs::create_directory(folder.file("series.nii"));  // a folder is no image
    std::string said;
    const auto notice = [&](const std::string& text) { said += text; };
    const fs::path path = folder.file("A.NII").parent_path();
    CHECK(names_of(images_of_folder(path, FolderImages::volumes_and_pictures, notice)) ==
          std::vector<std::string>{"A.NII", "C.Nii.GZ", "b.nii.gz", "d.MGZ", "e.PNG"});
    CHECK(said == path.string() +
                      ": 2 files are no images and are ignored: notes.txt, scan.hdr; 2 folders in it are not "
                      "searched: series.nii, sub-01");
    said.clear();
    fs::remove(folder.file("notes.txt"));
    fs::remove(folder.file("scan.hdr"));
    fs::remove_all(folder.file("series.nii"));
    fs::remove_all(folder.file("sub-01"));
    CHECK(images_of_folder(path, FolderImages::volumes, notice).size() == 4);
    CHECK(said == path.string() + ": 1 file is no volume and is ignored: e.PNG");
    said.clear();
    images_of_folder(path, FolderImages::volumes_and_pictures, notice);
    CHECK(said.empty());
}

TEST_CASE("a folder without images is refused, and the error names what is in it") {
    const Scratch folder;
    std::ofstream(folder.file("._scan.nii")) << "x";
    fs::create_directory(folder.file("sub-01"));
    const fs::path path = folder.file("sub-01").parent_path();
    CHECK_THROWS_WITH(images_of_folder(path, FolderImages::volumes, {}),
                      ContainsSubstring("holds no volume (.mgh, ") && ContainsSubstring("sub-01"));
    CHECK_THROWS_WITH(images_of_folder(path / "absent", FolderImages::volumes, {}),
                      ContainsSubstring("cannot be read"));
}

TEST_CASE("every format is read and written under names in upper case") {
    const Scratch folder;
    const Volume head = dnsp::testing::synthetic_head(12, 14, 10);
    for (const char* name : {"a.NII", "b.NII.GZ", "c.MGH", "d.MGZ", "e.Nii.gz"}) {
        INFO(name);
        write_volume(folder.file(name), head);
        const Volume back = read_volume(folder.file(name));
        CHECK(back.size == head.size);
        REQUIRE(back.voxels.size() == head.voxels.size());
        for (std::size_t i = 0; i < head.voxels.size(); i += 97)
            CHECK(back.voxels[i] == Approx(head.voxels[i]).margin(0.5));
        // gzip data begin with 1f 8b.
        const bool compressed = dnsp::testing::contents(folder.file(name)).starts_with("\x1f\x8b");
        CHECK(compressed == (lower_case(name).ends_with("gz")));
    }
    Image image(8, 9, 100.0f);
    image.at(2, 3) = 50.0f;
    for (const char* name : {"f.PNG", "g.JPG", "h.Jpeg"}) {
        write_picture(folder.file(name), {image, 8});
        CHECK(read_picture(folder.file(name)).image.width == 9);
    }
}

TEST_CASE("the extension of a name is left out in any case, .gz with the one before it") {
    CHECK(name_without_extension("x/scan.nii.gz") == "scan");
    CHECK(name_without_extension("SCAN.NII.GZ") == "SCAN");
    CHECK(name_without_extension("a.b.MGZ") == "a.b");
}
