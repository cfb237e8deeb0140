// Reading score tables, and averaging them.
#include <fstream>

#include "base/error.hpp"
#include "statistics/csv.hpp"
#include "statistics/score_table.hpp"
#include "statistics/scores.hpp"
#include "tests/statistics/close.hpp"
#include "tests/temporary_folder.hpp"

using namespace dnsp;
using namespace dnsp::statistics;
namespace fs = std::filesystem;

namespace {

const std::string header = "dataset,subject,slice,method,scale,regime,seed,psnr_db,ssim\n";

class TableFile {
  public:
    fs::path write(const std::string& text) const {
        std::ofstream(path(), std::ios::binary) << text;
        return path();
    }
    fs::path path() const { return folder_ / "scores.csv"; }

  private:
    testing::TemporaryFolder folder_;
};

/// The message of the error for a table with these lines, without the path.
std::string complaint(const std::string& text) {
    const TableFile file;
    try {
        const auto scores = read_scores({file.write(text)});
        make_score_table(scores);
    } catch (const std::runtime_error& error) {
        std::string message = error.what();
        for (std::size_t at; (at = message.find(file.path().string())) != std::string::npos;)
            message.replace(at, file.path().string().size(), "FILE");
        return message;
    }
    return "";
}

}  // namespace

TEST_CASE("CSV records are read as RFC 4180 defines them") {
    const TableFile file;
    const auto records =
        read_csv(file.write("\xEF\xBB\xBF"
                            "a,\"b,\"\"c\"\"\",\r\n\n\"two\nlines\",,x\n1,2,3"));
    REQUIRE(records.size() == 3);
    CHECK(records[0].fields == std::vector<std::string>{"a", "b,\"c\"", ""});
    CHECK(records[1].fields == std::vector<std::string>{"two\nlines", "", "x"});
    CHECK(records[2].fields == std::vector<std::string>{"1", "2", "3"});
    CHECK((records[0].line == 1 && records[1].line == 3 && records[2].line == 5));
    CHECK_THROWS_AS(read_csv(file.path().parent_path()), FileError);
    CHECK_THROWS_AS(read_csv(file.path().parent_path() / "absent.csv"), FileError);
}

TEST_CASE("columns are found by name, in any order") {
    const TableFile file;
    const auto scores =
        read_scores({file.write("ssim,psnr_db,note,seed,regime,scale,method,slice,subject,dataset\n"
                                ".9,31.5,\"x, y\",7,\"25 %\",2,\"EDSR, deep\",12,s1,OASIS\n")});
    REQUIRE(scores.size() == 1);
    const Score& s = scores.front();
    CHECK((s.dataset == "OASIS" && s.subject == "s1" && s.slice == 12 && s.method == "EDSR, deep"));
    CHECK((s.scale == 2 && s.regime == "25 %" && s.seed == 7 && s.psnr_db == 31.5 && s.ssim == 0.9));
    CHECK(s.place == file.path().string() + ", line 2");
}

TEST_CASE("bad tables are refused with file, line and reason") {
    CHECK(complaint("") == "FILE: is empty");
    CHECK(complaint(header) == "FILE: has no scores");
    CHECK(complaint("dataset,subject\na,b\n") == "FILE: the column slice is missing");
    CHECK(complaint("ssim," + header + "1,d,s,0,m,2,,0,30,.9\n") == "FILE: the column ssim occurs twice");
    CHECK(complaint(header + "d,s,0,m,2,,0,30\n") == "FILE, line 2: has 8 fields, the header 9");
    CHECK(complaint(header + "d,s,0,m,2,,0,30,.9\nd,,1,m,2,,0,30,.9\n") ==
          "FILE, line 3: the subject is empty");
    CHECK(complaint(header + "d,s,0,m,2,,0,nan,.9\n") ==
          "FILE, line 2: psnr_db is 'nan', expected a finite number");
    CHECK(complaint(header + "d,s,0,m,2,,0,inf,.9\n") ==
          "FILE, line 2: psnr_db is 'inf', expected a finite number");
    CHECK(complaint(header + "d,s,0,m,2,,0,3x,.9\n") ==
          "FILE, line 2: psnr_db is '3x', expected a finite number");
    CHECK(complaint(header + "d,s,0,m,2,,0,30,\n") == "FILE, line 2: ssim is '', expected a finite number");
    CHECK(complaint(header + "d,s,0,m,2,,0,30,1.2\n") ==
          "FILE, line 2: ssim is 1.2, expected a number from -1 to 1");
    CHECK(complaint(header + "d,s,-1,m,2,,0,30,.9\n") ==
          "FILE, line 2: slice is '-1', expected a whole number of at least 0");
    CHECK(complaint(header + "d,s,0,m,0,,0,30,.9\n") ==
          "FILE, line 2: scale is '0', expected a whole number above 0");
    CHECK(complaint(header + "d,s,0,m,2,,1.5,30,.9\n") ==
          "FILE, line 2: seed is '1.5', expected a whole number of at least 0");
    CHECK(complaint(header + "d,s,0,\"m,2,,0,30,.9\n") ==
          "FILE, line 3: a quoted field has no closing quote");
    CHECK(complaint(header + "d,s,0,m\"x,2,,0,30,.9\n") == "FILE, line 2: a double quote is out of place");
    CHECK(complaint(header + "d,s,0,\"m\"x,2,,0,30,.9\n") == "FILE, line 2: a double quote is out of place");
}

TEST_CASE("a score that occurs twice is refused, also in two files") {
    CHECK(
        complaint(header + "d,s,4,m,2,,1,30,.9\nd,s,5,m,2,,1,30,.9\nd,s,4,m,2,,1,31,.9\n") ==
        "FILE, line 4: data set d, subject s, slice 4, method m, scale 2, regime (none), seed 1 occurs twice, first "
        "in FILE, line 2");
    const TableFile file;
    file.write(header + "d,s,4,m,2,,1,30,.9\n");
    CHECK_THROWS_AS(read_scores({file.path(), file.path()}), FileError);
}

TEST_CASE("missing scores are named and counted") {
    const std::string complete = header + "d,s,0,A,2,,0,30,.9\nd,s,1,A,2,,0,30,.9\nd,t,0,A,2,,0,30,.9\n";
    CHECK(complaint(complete).empty());
    CHECK(
        complaint(complete + "d,s,0,B,2,,1,30,.9\nd,s,1,B,2,,1,30,.9\n") ==
        "the scores are incomplete: data set d lacks method B, subject t, slice 0, seed 1 (1 of 6 are missing)");
    CHECK(
        complaint(complete +
                  "d,s,0,B,2,,1,30,.9\nd,s,1,B,2,,1,30,.9\nd,t,0,B,2,,1,30,.9\nd,t,0,B,2,,2,30,.9\n") ==
        "the scores are incomplete: data set d lacks method B, subject s, slice 0, seed 2 (2 of 9 are missing)");
    CHECK(complaint(complete + "e,u,0,B,2,,1,30,.9\n") ==
          "the scores are incomplete: data set d has none of method B");
    CHECK(complaint(complete + "d,s,0,A,2,x,0,30,.9\n").empty());
    CHECK(
        complaint(complete +
                  "d,s,0,A,2,x,0,30,.9\nd,s,0,B,2,,0,30,.9\nd,s,1,B,2,,0,30,.9\nd,t,0,B,2,,0,30,.9\n") ==
        "the scores are incomplete: data set d lacks method B, subject s, slice 0, regime x, seed 0 (1 of 8 are "
        "missing)");
}

TEST_CASE("values are averaged over slices, then regimes, then seeds") {
    // Person s has two slices in the regime x and one in y; person t one in x.
    const TableFile file;
    const auto scores =
        read_scores({file.write(header + "d,t,0,A,2,x,1,10,.1\nd,s,0,A,2,x,1,1,.1\nd,s,1,A,2,x,1,3,.1\n"
                                         "d,s,0,A,2,y,1,7,.1\nd,t,0,A,2,x,2,20,.1\nd,s,0,A,2,x,2,2,.1\n"
                                         "d,s,1,A,2,x,2,4,.1\nd,s,0,A,2,y,2,9,.1\n")});
    const ScoreTable table = make_score_table(scores);
    REQUIRE(table.datasets.size() == 1);
    const DatasetScores& d = table.datasets.front();
    CHECK(d.persons() == std::vector<std::string>{"s", "t"});
    CHECK(d.regimes() == std::vector<std::string>{"x", "y"});
    CHECK(d.seeds(0) == std::vector<std::uint64_t>{1, 2});
    CHECK(d.persons_per_regime() == std::vector<std::size_t>{2, 1});
    // s, slice 0: (1 + 7 + 2 + 9)/4; s, slice 1: (3 + 4)/2; t: 15
    CHECK(d.slice_values(0, &Score::psnr_db) == std::vector<double>{4.75, 3.5, 15});
    // seed 1: s ((1 + 3)/2 + 7)/2 = 4.5, t 10; seed 2: s ((2 + 4)/2 + 9)/2 = 6, t 20
    CHECK(d.person_values(0, &Score::psnr_db) == std::vector<double>{5.25, 15});
    CHECK(d.seed_values(0, &Score::psnr_db) == std::vector<double>{7.25, 13});
    // x: s 2.5, t 15; y: s 8
    CHECK(d.regime_values(0, &Score::psnr_db) == std::vector<double>{8.75, 8});
    CHECK(d.is_seeded(0));
}
