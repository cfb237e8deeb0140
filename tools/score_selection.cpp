#include "tools/score_selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

namespace dnsp::tools {
namespace {

using statistics::Score;
using Scores = std::vector<Score>;

template <class T>
std::string text(const T& value) {
    const std::string out = fmt::format("{}", value);
    return out.empty() ? "(none)" : out;
}

/// The distinct values of a member, as text.
template <class T>
std::string existing(const Scores& scores, T Score::*member) {
    std::set<T> set;
    for (const Score& score : scores) set.insert(score.*member);
    std::string out;
    for (const T& value : set) out += (out.empty() ? "" : ", ") + text(value);
    return out;
}

/// Keeps the scores with one of the values.
template <class T>
void keep(Scores& scores, T Score::*member, const std::vector<T>& values, const char* flag) {
    const auto has = [&](const T& value) {
        return [&value, member](const Score& score) { return score.*member == value; };
    };
    for (const T& value : values)
        require(std::any_of(scores.begin(), scores.end(), has(value)),
                fmt::format("{} {}: no scores have it; they have {}", flag, text(value),
                            existing(scores, member)));
    scores.erase(std::remove_if(scores.begin(), scores.end(),
                                [&](const Score& score) {
                                    return std::find(values.begin(), values.end(), score.*member) ==
                                           values.end();
                                }),
                 scores.end());
}

/// Keeps the scores with the value. Without one, all scores must have the same.
template <class T>
void keep_one(Scores& scores, T Score::*member, const std::optional<T>& value, const char* flag,
              const char* noun) {
    if (value) return keep(scores, member, {*value}, flag);
    require(std::all_of(scores.begin(), scores.end(),
                        [&](const Score& score) { return score.*member == scores.front().*member; }),
            fmt::format("the scores have several {}, {}: choose one with {}", noun, existing(scores, member),
                        flag));
}

}  // namespace

void ScoreSelection::visit(OptionVisitor& visitor) {
    visitor.option({.key = "dataset", .flag = "--dataset", .help = "analyse these data sets only"}, datasets);
    visitor.option({.key = "method", .flag = "--method", .help = "analyse these methods only"}, methods);
}

std::vector<Score> select(const Scores& scores, const ScoreSelection& selection, bool several_regimes) {
    Scores selected = scores;
    if (!selection.datasets.empty()) keep(selected, &Score::dataset, selection.datasets, "--dataset");
    if (!selection.methods.empty()) keep(selected, &Score::method, selection.methods, "--method");
    keep_one(selected, &Score::scale, selection.scale, "--scale", "scales");
    if (!several_regimes) keep_one(selected, &Score::regime, selection.regime, "--regime", "regimes");
    return selected;
}

}  // namespace dnsp::tools
