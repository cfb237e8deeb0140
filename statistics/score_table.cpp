#include "statistics/score_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"
#include "statistics/interval.hpp"

namespace dnsp::statistics {
namespace {

/// The distinct texts, sorted.
std::vector<std::string> distinct(const std::vector<const Score*>& scores, std::string Score::*member) {
    std::set<std::string> set;
    for (const Score* score : scores) set.insert(score->*member);
    return {set.begin(), set.end()};
}

std::size_t position(const std::vector<std::string>& sorted, const std::string& text) {
    return static_cast<std::size_t>(std::lower_bound(sorted.begin(), sorted.end(), text) - sorted.begin());
}

/// The means of the groups, in the order of the keys.
template <class Key>
std::vector<double> means(const std::map<Key, std::vector<double>>& groups) {
    std::vector<double> out;
    for (const auto& [key, values] : groups) out.push_back(mean_of(values));
    return out;
}

}  // namespace

DatasetScores::DatasetScores(std::string dataset, const std::vector<const Score*>& scores,
                             const std::vector<std::string>& methods)
    : name_(std::move(dataset)),
      persons_(distinct(scores, &Score::subject)),
      regimes_(distinct(scores, &Score::regime)) {
    std::map<std::string, std::map<std::uint64_t, std::map<Slice, const Score*>>> found;
    std::set<Slice> slices;
    for (const Score* score : scores) {
        const Slice slice{position(persons_, score->subject), position(regimes_, score->regime),
                          score->slice};
        slices.insert(slice);
        found[score->method][score->seed][slice] = score;
    }
    slices_.assign(slices.begin(), slices.end());
    std::string first_missing;
    std::size_t missing = 0, expected = 0;
    for (const std::string& method : methods) {
        require(found.count(method) > 0,
                fmt::format("the scores are incomplete: data set {} has none of method {}", name_, method));
        seeds_.emplace_back();
        for (const auto& [seed, by_slice] : found[method]) {
            seeds_.back().push_back({seed, {}});
            for (const Slice& slice : slices_) {
                const auto score = by_slice.find(slice);
                const bool is_missing = score == by_slice.end();
                seeds_.back().back().scores.push_back(is_missing ? nullptr : score->second);
                if (is_missing && missing++ == 0)
                    first_missing = fmt::format("method {}, {}, seed {}", method, text(slice), seed);
                ++expected;
            }
        }
    }
    require(missing == 0,
            fmt::format("the scores are incomplete: data set {} lacks {} ({} of {} are missing)", name_,
                        first_missing, missing, expected));
}

std::string DatasetScores::text(const Slice& slice) const {
    std::string out = fmt::format("subject {}, slice {}", persons_[slice.person], slice.slice);
    if (regimes_.size() > 1) out += ", regime " + regimes_[slice.regime];
    return out;
}

std::vector<std::uint64_t> DatasetScores::seeds(std::size_t method) const {
    std::vector<std::uint64_t> out;
    for (const Seed& seed : seeds_[method]) out.push_back(seed.seed);
    return out;
}

bool DatasetScores::is_seeded(std::size_t method) const {
    return seeds_[method].size() > 1 || seeds_[method].front().seed != 0;
}

std::vector<double> DatasetScores::slice_values(std::size_t method, Metric metric) const {
    std::map<std::pair<std::size_t, int>, std::vector<double>> by_slice;
    for (const Seed& seed : seeds_[method])
        for (std::size_t i = 0; i < slices_.size(); ++i)
            by_slice[{slices_[i].person, slices_[i].slice}].push_back(seed.scores[i]->*metric);
    return means(by_slice);
}

std::vector<double> DatasetScores::person_values(const Seed& seed, Metric metric) const {
    std::map<std::pair<std::size_t, std::size_t>, std::vector<double>> by_regime;
    for (std::size_t i = 0; i < slices_.size(); ++i)
        by_regime[{slices_[i].person, slices_[i].regime}].push_back(seed.scores[i]->*metric);
    std::map<std::size_t, std::vector<double>> by_person;
    for (const auto& [key, values] : by_regime) by_person[key.first].push_back(mean_of(values));
    return means(by_person);
}

std::vector<double> DatasetScores::person_values(std::size_t method, Metric metric) const {
    std::map<std::size_t, std::vector<double>> by_person;
    for (const Seed& seed : seeds_[method]) {
        const std::vector<double> values = person_values(seed, metric);
        for (std::size_t p = 0; p < values.size(); ++p) by_person[p].push_back(values[p]);
    }
    return means(by_person);
}

std::vector<double> DatasetScores::seed_values(std::size_t method, Metric metric) const {
    std::vector<double> out;
    for (const Seed& seed : seeds_[method]) out.push_back(mean_of(person_values(seed, metric)));
    return out;
}

std::vector<double> DatasetScores::regime_values(std::size_t method, Metric metric) const {
    std::map<std::pair<std::size_t, std::size_t>, std::vector<double>> by_person;
    for (const Seed& seed : seeds_[method])
        for (std::size_t i = 0; i < slices_.size(); ++i)
            by_person[{slices_[i].regime, slices_[i].person}].push_back(seed.scores[i]->*metric);
    std::map<std::size_t, std::vector<double>> by_regime;
    for (const auto& [key, values] : by_person) by_regime[key.first].push_back(mean_of(values));
    return means(by_regime);
}

std::vector<std::size_t> DatasetScores::persons_per_regime() const {
    std::vector<std::set<std::size_t>> persons(regimes_.size());
    for (const Slice& slice : slices_) persons[slice.regime].insert(slice.person);
    std::vector<std::size_t> counts;
    for (const auto& set : persons) counts.push_back(set.size());
    return counts;
}

bool DatasetScores::same_slices(const DatasetScores& other) const {
    const auto same = [](const Slice& a, const Slice& b) {
        return a.person == b.person && a.slice == b.slice;
    };
    return persons_ == other.persons_ &&
           std::equal(slices_.begin(), slices_.end(), other.slices_.begin(), other.slices_.end(), same);
}

ScoreTable make_score_table(const std::vector<Score>& scores) {
    ScoreTable table;
    std::vector<std::string> names;
    std::map<std::string, std::vector<const Score*>> by_dataset;
    const auto add_once = [](std::vector<std::string>& list, const std::string& text) {
        if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
    };
    for (const Score& score : scores) {
        require(score.scale == scores.front().scale, "[scores] expected one scale");
        add_once(table.methods, score.method);
        add_once(names, score.dataset);
        by_dataset[score.dataset].push_back(&score);
    }
    for (const std::string& name : names) table.datasets.emplace_back(name, by_dataset[name], table.methods);
    return table;
}

}  // namespace dnsp::statistics
