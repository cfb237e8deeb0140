#pragma once

#include <cmath>

#include "statistics/anova.hpp"
#include "statistics/repeated_measures.hpp"

namespace dnsp::testing {

/// A worked data set with known results: methods m = 0 … 2, data sets d = 0, 1, persons s = 0 … 3 of each,
/// slices l = 0, 1, rounded to four decimals.
inline double worked_value(int m, int d, int s, int l) {
    const double y = 30 + 0.7 * m - 1.3 * d + 0.9 * std::sin(1.7 * (4 * d + s) + 0.4) +
                     0.25 * std::cos(2.3 * (2 * s + l) + d) +
                     0.2 * std::sin(5.0 * m + 3 * s + 7 * l + 11 * d) + 0.15 * m * d;
    return std::round(y * 1e4) / 1e4;
}
constexpr int worked_methods = 3, worked_datasets = 2, worked_persons = 4, worked_slices = 2;

/// Its slices by method and data set.
inline statistics::Cells worked_cells() {
    statistics::Cells cells(worked_methods, std::vector<std::vector<double>>(worked_datasets));
    for (std::size_t m = 0; m < worked_methods; ++m)
        for (std::size_t d = 0; d < worked_datasets; ++d)
            for (int s = 0; s < worked_persons; ++s)
                for (int l = 0; l < worked_slices; ++l)
                    cells[m][d].push_back(worked_value(static_cast<int>(m), static_cast<int>(d), s, l));
    return cells;
}

/// The persons' means over slices in one data set.
inline statistics::PersonTable worked_table(int d) {
    statistics::PersonTable table;
    for (int s = 0; s < worked_persons; ++s) {
        table.emplace_back();
        for (int m = 0; m < worked_methods; ++m)
            table.back().push_back((worked_value(m, d, s, 0) + worked_value(m, d, s, 1)) / 2);
    }
    return table;
}

/// A column of a table.
inline std::vector<double> column(const statistics::PersonTable& table, std::size_t method) {
    std::vector<double> values;
    for (const auto& row : table) values.push_back(row[method]);
    return values;
}

}  // namespace dnsp::testing
