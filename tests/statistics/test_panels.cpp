// Both panels on score tables. Expected values: SciPy 1.17, statsmodels 0.15, and closed forms.
#include "base/error.hpp"
#include "statistics/person_analysis.hpp"
#include "statistics/slice_analysis.hpp"
#include "tests/statistics/close.hpp"
#include "tests/statistics/worked_data.hpp"

using namespace dnsp;
using namespace dnsp::statistics;
using testing::check_close;

namespace {

Score score(const std::string& dataset, int person, int slice, const std::string& method, double value,
            std::uint64_t seed = 0, const std::string& regime = "") {
    return {dataset, "s" + std::to_string(person), slice, method, 2, regime, seed, value, value / 100,
            "here"};
}

/// The worked data set. B has seeds 1 and 2, C seeds 1, 2 and 3, whose mean is its value; the offset is that
/// of a seed.
std::vector<Score> worked_scores(double offset = 0.0) {
    std::vector<Score> scores;
    for (int m = 0; m < testing::worked_methods; ++m)
        for (int d = 0; d < testing::worked_datasets; ++d)
            for (int s = 0; s < testing::worked_persons; ++s)
                for (int l = 0; l < testing::worked_slices; ++l) {
                    const double y = testing::worked_value(m, d, s, l);
                    const std::string dataset = "d" + std::to_string(d),
                                      method(1, static_cast<char>('A' + m));
                    if (m == 0) scores.push_back(score(dataset, s, l, method, y));
                    for (int seed = 1; seed <= m + 1 && m > 0; ++seed)
                        scores.push_back(score(dataset, s, l, method, y + offset * (seed - (m + 2) / 2.0),
                                               static_cast<std::uint64_t>(seed)));
                }
    return scores;
}

PersonAnalysisOptions reference(const std::string& method) {
    PersonAnalysisOptions options;
    options.reference = method;
    return options;
}

template <class F>
std::string complaint(const F& f) {
    try {
        f();
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("panel A of the worked data set has the known sums, whatever the seeds") {
    const auto scores = worked_scores(0.3);
    const auto a = analyse_slices(make_score_table(scores), &Score::psnr_db);
    REQUIRE(a.two_way.has_value());
    CHECK_FALSE(a.one_way.has_value());
    check_close(a.two_way->rows.ss, 18.807053, 1e-7);
    check_close(a.two_way->columns.f, 28.872676, 1e-7);
    check_close(a.two_way->additive.rows.f, 18.541842, 1e-7);
    CHECK((a.tukey.k == 6 && a.tukey.df == 42));
    check_close(a.tukey.hsd, 1.083209031, 1e-9);
    REQUIRE(a.cells.size() == 6);
    CHECK((a.cells[4].dataset == "d1" && a.cells[4].method == "B" && a.cells[4].n == 8));
    check_close(a.cells[4].comparison_half_width, 0.541604516, 1e-9);
    check_close(a.cells[4].ci95, 0.517792175, 1e-9);
    check_close(analyse_slices(make_score_table(scores), &Score::ssim).two_way->rows.f, 17.855306, 1e-7);
}

TEST_CASE("panel A of one data set is a one-way analysis") {
    std::vector<Score> scores = worked_scores();
    std::erase_if(scores, [](const Score& s) { return s.dataset != "d0"; });
    const auto a = analyse_slices(make_score_table(scores), &Score::psnr_db);
    REQUIRE(a.one_way.has_value());
    // scipy.stats.f_oneway of the 8 values of each method
    CHECK((a.one_way->groups.df == 2 && a.error.df == 21 && a.tukey.k == 3));
    check_close(a.one_way->groups.f, 6.565847659340448, 1e-10);
    check_close(a.one_way->groups.p, 0.00609740528326625, 1e-12);
}

TEST_CASE("panel A needs two slices of each method, not more") {
    std::vector<Score> scores;
    const double values[2][2] = {{1, 2}, {3, 5}};
    for (int m = 0; m < 2; ++m)
        for (int slice = 0; slice < 2; ++slice)
            scores.push_back(score("d", 0, slice, m == 0 ? "A" : "B", values[m][slice]));
    const auto a = analyse_slices(make_score_table(scores), &Score::psnr_db);
    // scipy.stats.f_oneway([1, 2], [3, 5]): F = 5, p = .1548457452714835
    REQUIRE(a.one_way.has_value());
    CHECK((a.one_way->groups.df == 1 && a.error.df == 2));
    check_close(a.one_way->groups.f, 5.0, 1e-12);
    check_close(a.one_way->groups.p, 0.1548457452714835, 1e-12);
}

TEST_CASE("unequal data sets have no common least significant difference") {
    std::vector<Score> scores = worked_scores();
    std::erase_if(scores, [](const Score& s) { return s.dataset == "d1" && s.subject == "s3"; });
    const auto a = analyse_slices(make_score_table(scores), &Score::psnr_db);
    CHECK(std::isnan(a.tukey.hsd));
    CHECK(a.cells[0].comparison_half_width < a.cells[5].comparison_half_width);
}

TEST_CASE("panel B of the worked data set has the known contrasts") {
    const auto scores = worked_scores(0.3);
    auto options = reference("A");
    options.pairs = {{"C", "B"}};
    const auto b = analyse_persons(make_score_table(scores), &Score::psnr_db, options);
    REQUIRE(b.datasets.size() == 2);
    const auto& d = b.datasets[0];
    CHECK(d.persons.size() == 4);
    check_close(d.anova.method.f, 130.273821, 1e-8);
    check_close(d.friedman.p, 0.018316, 1e-6);
    CHECK(d.smallest_wilcoxon_p == 0.125);
    REQUIRE(d.contrasts.size() == 2);
    CHECK((d.contrasts[0].method == "B" && d.contrasts[0].base == "A"));
    check_close(d.contrasts[0].persons.mean, 0.6925375, 1e-10);
    check_close(d.contrasts[0].persons.ci95, 0.3588877706, 1e-10);
    check_close(d.contrasts[0].p_holm, 0.0086847, 1e-7);
    check_close(d.contrasts[1].p_holm, 2 * 0.0006070, 2e-7);
    REQUIRE(d.pairs.size() == 1);
    check_close(d.pairs[0].persons.mean, 0.6846375, 1e-10);
    check_close(d.pairs[0].p_holm, 0.0002200, 1e-7);
    REQUIRE(b.split_plot.has_value());
    check_close(b.split_plot->method.f, 185.684805, 1e-8);
    check_close(b.split_plot->dataset.f, 4.515740, 1e-6);
}

TEST_CASE("the interval over seeds follows the seeds of both methods") {
    const auto scores = worked_scores(0.3);
    const auto table = make_score_table(scores);
    auto options = reference("A");
    options.pairs = {{"C", "B"}, {"A", "C"}};
    const auto d = analyse_persons(table, &Score::psnr_db, options).datasets[0];
    // The seeds of C lie .3 apart: sd .3, t(.975, 2) · .3/√3.
    const auto& c = d.contrasts[1];
    CHECK((c.design == SeedDesign::one_sided && c.seeds.n == 3));
    check_close(c.seeds.mean, c.persons.mean, 1e-12);
    check_close(c.seeds.ci95, 4.302652729911275 * 0.3 / std::sqrt(3.0), 1e-10);
    CHECK(c.both_exclude_zero());
    CHECK((d.pairs[1].design == SeedDesign::one_sided && d.pairs[1].seeds.n == 3));
    check_close(d.pairs[1].seeds.mean, -c.seeds.mean, 1e-12);
    // Seeds 1, 2 of B and 1, 2, 3 of C: Welch, variances .045/2 and .09/3.
    const auto& pair = d.pairs[0];
    CHECK((pair.design == SeedDesign::unpaired && pair.seeds.n == 2));
    check_close(pair.seeds.df, std::pow(0.0525, 2) / (std::pow(0.0225, 2) + std::pow(0.03, 2) / 2), 1e-9);
    CHECK_FALSE(pair.both_exclude_zero());
    CHECK(pair.seeds.ci95 > pair.seeds.mean);
}

TEST_CASE("equal seeds are paired, and methods without seeds have no interval over seeds") {
    std::vector<Score> scores;
    for (int s = 0; s < 3; ++s) {
        scores.push_back(score("d", s, 0, "plain", 30 + s));
        scores.push_back(score("d", s, 0, "classical", 31 + 1.25 * s));
        for (std::uint64_t seed : {3, 4}) {
            const double common = 0.5 * static_cast<double>(seed);
            scores.push_back(score("d", s, 0, "base", 32 + s + common, seed));
            scores.push_back(score("d", s, 0, "prior", 33 + s + common, seed));
        }
    }
    const auto table = make_score_table(scores);
    auto options = reference("plain");
    options.pairs = {{"prior", "base"}};
    const auto d = analyse_persons(table, &Score::psnr_db, options).datasets[0];
    CHECK((d.contrasts[0].method == "classical" && d.contrasts[0].design == SeedDesign::none));
    CHECK((d.contrasts[0].seeds.n == 0 && std::isnan(d.contrasts[0].seeds.ci95)));
    CHECK(d.contrasts[0].both_exclude_zero());
    CHECK((d.pairs[0].design == SeedDesign::paired && d.pairs[0].seeds.n == 2));
    check_close(d.pairs[0].seeds.mean, 1.0, 1e-12);
    check_close(d.pairs[0].seeds.ci95, 0.0, 1e-12);
}

TEST_CASE("repeated splits use Nadeau and Bengio's t") {
    // Differences .31 .12 .45 .27 .20 of five splits, each the mean of ten persons of fifteen.
    const double differences[] = {0.31, 0.12, 0.45, 0.27, 0.20};
    std::vector<Score> scores;
    for (int r = 0; r < 5; ++r)
        for (int i = 0; i < 10; ++i) {
            const int person = (3 * r + i) % 15;
            const std::string split = "split" + std::to_string(r);
            scores.push_back(score("d", person, 0, "A", 30 + person, 0, split));
            scores.push_back(
                score("d", person, 0, "B", 30 + person + differences[r] + (i % 2 ? .05 : -.05), 1, split));
        }
    auto options = reference("A");
    options.splits = RepeatedSplits{5, 10};
    const auto table = make_score_table(scores);
    const auto d = analyse_persons(table, &Score::psnr_db, options).datasets[0];
    REQUIRE(d.contrasts[0].splits.has_value());
    check_close(d.contrasts[0].splits->t, 1.4692585742711497, 1e-9);
    check_close(d.contrasts[0].splits->mean, 0.27, 1e-9);
    CHECK((d.contrasts[0].splits->df == 4 && d.persons.size() == 15 && d.splits.size() == 5));
    options.splits = RepeatedSplits{5, 9};
    CHECK(complaint([&] { analyse_persons(table, &Score::psnr_db, options); }) ==
          "split split0 of data set d tests 10 persons, not 9");
}

TEST_CASE("the interaction is the paired difference of differences") {
    // Gains in regime A: 1.0 .8 1.3 .7; in B: .4 .5 .2 .6. Differences .6 .3 1.1 .1.
    const double gain_a[] = {1.0, 0.8, 1.3, 0.7}, gain_b[] = {0.4, 0.5, 0.2, 0.6};
    std::vector<Score> a, b;
    for (int s = 0; s < 4; ++s)
        for (std::uint64_t seed : {1, 2}) {
            const double common = 30 + s + 0.1 * static_cast<double>(seed);
            a.push_back(score("d", s, 0, "NP", common, seed, "100"));
            a.push_back(score("d", s, 0, "AP", common + gain_a[s], seed, "100"));
            b.push_back(score("d", s, 0, "AP", common - 1 + gain_b[s], seed, "25"));
            b.push_back(score("d", s, 0, "NP", common - 1, seed, "25"));
        }
    const auto result = interactions(make_score_table(a), make_score_table(b), &Score::psnr_db, "AP", "NP");
    REQUIRE(result.size() == 1);
    // scipy.stats.ttest_1samp([.6, .3, 1.1, .1], 0)
    check_close(result[0].persons.mean, 0.525, 1e-12);
    check_close(result[0].persons.t, 2.414165245503944, 1e-9);
    check_close(result[0].persons.p, 0.09466264740588178, 1e-9);
    check_close(result[0].persons.ci95, 0.6920753719678288, 1e-9);
    REQUIRE(result[0].seeds.has_value());
    check_close(result[0].seeds->mean, 0.525, 1e-9);
    b.pop_back();
    b.pop_back();
    CHECK(complaint([&] {
              interactions(make_score_table(a), make_score_table(b), &Score::psnr_db, "AP", "NP");
          }).find("incomplete") != std::string::npos);
    std::erase_if(b, [](const Score& s) { return s.subject == "s3"; });
    CHECK(complaint([&] {
              interactions(make_score_table(a), make_score_table(b), &Score::psnr_db, "AP", "NP");
          }) == "the two regimes of the interaction have different slices of data set d");
}

TEST_CASE("analyses that cannot be done are refused") {
    auto scores = worked_scores();
    const auto table = make_score_table(scores);
    CHECK(complaint([&] { analyse_persons(table, &Score::psnr_db, reference("D")); }) ==
          "there is no method D; the scores have A, B, C");
    auto options = reference("A");
    options.pairs = {{"B", "B"}};
    CHECK(complaint([&] { analyse_persons(table, &Score::psnr_db, options); }) ==
          "method B is compared with itself");
    options.pairs.clear();
    options.splits = RepeatedSplits{5, 4};
    CHECK(complaint([&] { analyse_persons(table, &Score::psnr_db, options); }) ==
          "data set d0 has one random split; the corrected t needs two or more");
    std::erase_if(scores, [](const Score& s) { return s.subject != "s0"; });
    CHECK(complaint([&] { analyse_persons(make_score_table(scores), &Score::psnr_db, reference("A")); }) ==
          "data set d0 has one person; the analysis by person needs two or more");
    std::erase_if(scores, [](const Score& s) { return s.slice != 0; });
    CHECK(complaint([&] { analyse_slices(make_score_table(scores), &Score::psnr_db); }) ==
          "data set d0 has one slice; panel A needs two or more");
    std::erase_if(scores, [](const Score& s) { return s.method != "A"; });
    CHECK(complaint([&] { analyse_slices(make_score_table(scores), &Score::psnr_db); }) ==
          "the analysis needs two methods or more");
}
