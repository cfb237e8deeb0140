#include "training/person.hpp"

#include <fstream>

#include "tests/catch.hpp"
#include "tests/synthetic_head.hpp"
#include "training/split.hpp"

using namespace dnsp;
using testing::TemporaryFolder;
namespace fs = std::filesystem;
using Labels = std::vector<std::string>;

namespace {

Labels labels_of(const Labels& paths, const std::string& pattern = "") {
    return persons_of(paths, pattern).labels;
}

Subject subject_at(const std::string& path, const std::string& content = "") {
    Subject subject;
    subject.path = path;
    subject.content = content;
    return subject;
}

}  // namespace

TEST_CASE("the BIDS label of the name or of a folder is the person") {
    const Persons persons =
        persons_of({"/d/sub-01_run-1_T1w.nii.gz", "/d/sub-01_run-2_T1w.nii.gz", "/d/sub-02_run-1_T1w.nii.gz",
                    "/d/sub-02/ses-1/anat/T1w.nii.gz", "/d/acq_sub-3_T1w.nii"});
    CHECK(persons.labels == Labels{"sub-01", "sub-01", "sub-02", "sub-02", "sub-3"});
    CHECK(persons.basis == "by sub-… in the names");
    CHECK_FALSE(persons.every_file);
}

TEST_CASE("equal BIDS labels are two persons only in two known data sets") {
    CHECK(labels_of({"/d/ds000011/sub-01_T1w.nii.gz", "/d/ds002748/sub-01_T1w.nii.gz",
                     "/d/ds002748/sub-02_T1w.nii.gz"}) ==
          Labels{"ds000011:sub-01", "ds002748:sub-01", "sub-02"});
    CHECK(labels_of({"/train/sub-01_T1w.nii", "/val/sub-01_T1w.nii"}) == Labels{"sub-01", "sub-01"});
    CHECK(labels_of({"/ds000011/sub-01_T1w.nii", "/mine/sub-01_T1w.nii"}) == Labels{"sub-01", "sub-01"});
    TemporaryFolder folder;
    for (const char* name : {"one", "two", "one/derivatives", "one/derivatives/strip"})
        fs::create_directories(folder / name);
    for (const char* name : {"one", "two"}) std::ofstream(folder / name / "dataset_description.json") << "{}";
    std::ofstream(folder / "one/derivatives/strip/dataset_description.json")
        << R"({"DatasetType": "derivative"})";
    CHECK(labels_of({(folder / "one/sub-01/anat/sub-01_T1w.nii").string(),
                     (folder / "two/sub-01/anat/sub-01_T1w.nii").string(),
                     (folder / "one/derivatives/strip/sub-01/sub-01_T1w.nii").string()}) ==
          Labels{"one:sub-01", "two:sub-01", "one:sub-01"});
}

TEST_CASE("a file name that occurs in several folders makes each folder a person") {
    const Persons persons = persons_of({"/d/p1/T1.nii.gz", "/d/p1/T2.nii.gz", "/d/p2/T1.nii.gz"});
    CHECK(persons.labels == Labels{"p1", "p1", "p2"});
    CHECK(persons.basis == "by folder");
    CHECK(labels_of({"/d/p1/scan.nii", "/d/p2/scan.nii.gz"}) == Labels{"p1", "p2"});
    CHECK(labels_of({"/d/p1/ses-1/anat/T1.nii", "/d/p1/ses-2/anat/T1.nii", "/d/p2/ses-1/anat/T1.nii"}) ==
          Labels{"p1", "p1", "p2"});
    CHECK(labels_of({"/d/p1/T1.nii", "/d/p2/T2.nii"}) == Labels{"p1", "p2"});
    // A folder for each contrast.
    CHECK(labels_of({"/d/T1/001.nii", "/d/T1/002.nii", "/d/T2/001.nii", "/d/T2/002.nii"}) ==
          Labels{"001", "002", "001", "002"});
    CHECK(labels_of({"head.nii.gz"}) == Labels{"head"});
    CHECK(labels_of({"T1.nii.gz"}) == Labels{"T1"});
}

TEST_CASE("words for contrast, session, run and processing are left out of file names") {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"patient19_T1.nii.gz", "patient19"},
        {"patient19_T2.nii.gz", "patient19"},
        {"patient19_FLAIR.nii.gz", "patient19"},
        {"OAS1_0001_MR1_mpr-1_anon.nii", "OAS1_0001"},
        {"OAS1_0001_MR2_mpr_n4_anon_111_t88_gfc.nii", "OAS1_0001"},
        {"1000_t1_brain.nii", "1000"},
        {"1001_t1_brain.nii", "1001"},
        {"scan_01.nii", "scan_01"},
        {"scan_02.nii", "scan_02"},
        {"T1_007.nii", "007"},
        {"person1_T1_2_high.png", "person1"},
        {"p1_1.png", "p1"},
        {"p1_2.png", "p1"},
        {"p2_003.jpg", "p2"},
        {"IXI002-Guys-0828-T1.nii.gz", "IXI002_Guys_0828"},
        {"p7-ses-2-run3.mgz", "p7"},
    };
    Labels names, expected;
    for (const auto& [name, person] : cases) {
        names.push_back("/d/" + name);
        expected.push_back(person);
    }
    const Persons persons = persons_of(names);
    CHECK(persons.labels == expected);
    CHECK(persons.basis == "by file name without words for contrast, session, run and processing");
    const Persons single = persons_of({"/d/scan_01.nii", "/d/scan_02.nii"});
    CHECK(single.every_file);
    CHECK(single.basis == "by file name: every file counts as a person of its own");
}

TEST_CASE("a pattern takes the place of the rule, in the name or else in the path") {
    CHECK(labels_of({"x/T1-0042-axial.png"}, "T1-([0-9]+)") == Labels{"0042"});
    CHECK(labels_of({"x/T1-0042-axial.png"}, "[0-9]{4}") == Labels{"0042"});
    CHECK(labels_of({"s07/sub-01_T1.nii", "s08/sub-01_T1.nii"}, "s([0-9]+)/") == Labels{"07", "08"});
    CHECK_THROWS_WITH(persons_of({"x/T1.png"}, "sub-(..)"), ContainsSubstring("x/T1.png"));
    CHECK_THROWS_WITH(persons_of({"x/T1.png"}, "(("), ContainsSubstring("regular expression"));
}

TEST_CASE("files of equal voxels are one person, with all others of their labels") {
    std::vector<Subject> training{subject_at("/d/sub-01_T1w.nii", "A"), subject_at("/d/sub-02_T1w.nii", "B"),
                                  subject_at("/d/sub-03_T1w.nii", "C")},
        validation{subject_at("/v/copy_T1.nii", "B"), subject_at("/v/copy_T2.nii", "D")};
    const ToldApart told = name_persons(training, validation, "");
    CHECK(training[1].person == "sub-02");
    CHECK(validation[0].person == "sub-02");
    CHECK(validation[1].person == "sub-02");
    CHECK(training[0].person != training[2].person);
    CHECK_THAT(told.text, ContainsSubstring("sub-02_T1w.nii and copy_T1.nii hold the same voxels"));
    CHECK_THROWS_WITH(split_by_user(training, validation, told), ContainsSubstring("both sides") &&
                                                                     ContainsSubstring("/d/sub-02_T1w.nii") &&
                                                                     ContainsSubstring("/v/copy_T1.nii"));
    // Names of two persons may stand where all voxels are equal; a file name alone may not.
    std::vector<Subject> none,
        runs{subject_at("/d/sub-01_T1w.nii", "A"), subject_at("/d/sub-02_T1w.nii", "A")};
    CHECK_THAT(name_persons(runs, none, "").text, ContainsSubstring("none tests the others"));
    CHECK(runs[0].person != runs[1].person);
    std::vector<Subject> copies{subject_at("/d/scan_01.nii", "A"), subject_at("/d/scan_02.nii", "A")};
    CHECK_THAT(name_persons(copies, none, "").text, ContainsSubstring("are one person"));
    CHECK(copies[0].person == copies[1].person);
    // The content of a subject is that of its voxels.
    imaging::Volume head = testing::synthetic_head(30, 32, 12);
    const auto degradation = imaging::make_degradation("gaussian", 2);
    const Subject one = make_subject(head, degradation, 2);
    head.path = "another.nii";
    CHECK(make_subject(head, degradation, 2).content == one.content);
    head.voxels[100] += 1.0f;
    CHECK(make_subject(head, degradation, 2).content != one.content);
}

TEST_CASE("a split keeps each person on one side and says by what persons were told apart") {
    std::vector<Subject> subjects, none;
    for (const char* person : {"1", "2"})
        for (const char* run : {"1", "2"})
            subjects.push_back(subject_at(std::string("/d/sub-0") + person + "_run-" + run + "_T1w.nii"));
    const ToldApart told = name_persons(subjects, none, "");
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const Split split = split_subjects(subjects, seed, told);
        REQUIRE((split.training.size() == 2 && split.validation.size() == 2));
        for (const Subject& held : split.validation)
            for (const Subject& trained : split.training) CHECK(held.person != trained.person);
        CHECK_THAT(split.description, StartsWith("split by subject: 1 train, 1 held out (sub-0") &&
                                          ContainsSubstring("told apart by sub-… in the names"));
    }
    std::vector<Subject> files{subject_at("/d/scan_01.nii"), subject_at("/d/scan_02.nii")};
    const ToldApart by_name = name_persons(files, none, "");
    CHECK_THAT(split_subjects(files, 1, by_name).description,
               StartsWith("split by file: 1 train") &&
                   ContainsSubstring("every file counts as a person of its own"));
    std::vector<Subject> train{subject_at("/train/sub-01_T1w.nii")}, held{subject_at("/val/sub-01_T1w.nii")};
    const ToldApart both = name_persons(train, held, "");
    CHECK_THROWS_WITH(split_by_user(train, held, both), ContainsSubstring("sub-01") &&
                                                            ContainsSubstring("both sides") &&
                                                            ContainsSubstring("--subject-of"));
}
