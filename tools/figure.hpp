#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "imaging/image.hpp"

namespace dnsp::tools {

// gnuplot (package gnuplot-nox) draws the figures. The functions throw Error if it is not installed.

/// An image of a comparison with its caption above it.
struct Panel {
    imaging::Image image;
    std::vector<std::string> lines;
    float low = 0.0f, high = 1.0f;  ///< intensities shown as black and white
    bool difference = false;        ///< drawn in 16 steps of a heat palette instead of grey
};

/// Draws rows of panels of equal size. A pixel of an image becomes `zoom`×`zoom` pixels of the PNG.
void draw_panels(const std::filesystem::path& png, const std::vector<std::vector<Panel>>& rows, int zoom);

/// A curve of a chart.
struct Curve {
    std::string name;
    std::vector<double> x, y;
};
struct Chart {
    std::string title, x_label, y_label;
    bool logarithmic = false;
    std::vector<Curve> curves;
};
/// Draws charts side by side.
void draw_charts(const std::filesystem::path& png, const std::vector<Chart>& charts);

/// Means or differences with their intervals, one line for each label.
struct IntervalChart {
    std::string title, x_label;
    std::vector<std::string> labels;
    struct Series {
        std::string name;
        std::vector<double> centre, half_width;  ///< by label
    };
    std::vector<Series> series;
    bool zero_line = false;
};
/// Draws rows of charts under a caption. All rows have the same number of charts.
void draw_interval_charts(const std::filesystem::path& png, const std::string& caption,
                          const std::vector<std::vector<IntervalChart>>& rows);

}  // namespace dnsp::tools
