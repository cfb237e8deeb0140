#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/options.hpp"
#include "statistics/scores.hpp"

namespace dnsp::tools {

/// Which scores are analysed. Without a value, the scores must have one scale and one regime; all data sets
/// and methods are taken.
struct ScoreSelection {
    std::optional<int> scale;
    std::optional<std::string> regime;
    std::vector<std::string> datasets, methods;
    /// Declares --dataset and --method. The tool sets the others.
    void visit(OptionVisitor& visitor);
};

/// The selected scores, of one scale. With `several_regimes` the regime is not selected. Throws Error that
/// names what exists, for values that no score has, and for several scales or regimes of which none is
/// chosen.
std::vector<statistics::Score> select(const std::vector<statistics::Score>& scores,
                                      const ScoreSelection& selection, bool several_regimes = false);

}  // namespace dnsp::tools
