#include "tools/figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "base/atomic_file.hpp"
#include "base/error.hpp"

namespace dnsp::tools {
namespace {

namespace fs = std::filesystem;

/// Standard input of gnuplot. The PNG is written to a temporary file and renamed at the end.
class Gnuplot {
  public:
    explicit Gnuplot(const fs::path& png) : png_(png), file_(png) {
        require(std::system("command -v gnuplot >/dev/null 2>&1") == 0,
                png.string() + ": figures need gnuplot, which is not installed (package gnuplot-nox)");
        pipe_ = popen("gnuplot", "w");
        require(pipe_ != nullptr, png.string() + ": gnuplot cannot be started");
    }
    ~Gnuplot() {
        if (pipe_) pclose(pipe_);
    }
    Gnuplot(const Gnuplot&) = delete;
    Gnuplot& operator=(const Gnuplot&) = delete;

    template <class... Args>
    void say(fmt::format_string<Args...> format, Args&&... args) {
        fmt::print(pipe_, "{}\n", fmt::format(format, std::forward<Args>(args)...));
    }
    void bytes(const std::vector<float>& values) {
        std::fwrite(values.data(), sizeof(float), values.size(), pipe_);
    }
    fs::path output() const { return file_.temporary_path(); }

    void finish() {
        say("unset output");
        const int status = pclose(pipe_);
        pipe_ = nullptr;
        require(status == 0, png_.string() + ": gnuplot failed");
        file_.commit();
    }

  private:
    fs::path png_;
    AtomicFile file_;
    FILE* pipe_ = nullptr;
};

/// Text in single quotes for gnuplot, which doubles single quotes inside.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
    return out + "'";
}

std::string caption(const Panel& panel) {
    std::string text;
    for (std::size_t i = 0; i < panel.lines.size(); ++i) text += (i ? "\\n" : "") + panel.lines[i];
    for (std::size_t i = 0; (i = text.find('"', i)) != std::string::npos; i += 2) text.insert(i, "\\");
    return "\"" + text + "\"";
}

/// The image with each pixel repeated `zoom` times in both directions, clamped to the shown intensities.
imaging::Image zoomed(const Panel& panel, int zoom) {
    imaging::Image out(panel.image.height * zoom, panel.image.width * zoom);
    for (int y = 0; y < out.height; ++y)
        for (int x = 0; x < out.width; ++x)
            out.at(y, x) = std::clamp(panel.image.at(y / zoom, x / zoom), panel.low, panel.high);
    return out;
}

constexpr int margin = 10;
constexpr int caption_height = 56;
constexpr std::array colours{"#1b6ca8", "#d1495b", "#edae49", "#3c896d", "#7b5ea7", "#6b6b6b"};

}  // namespace

void draw_panels(const fs::path& png, const std::vector<std::vector<Panel>>& rows, int zoom) {
    require(!rows.empty() && !rows.front().empty(), "[figure] nothing to draw");
    std::size_t columns = 0;
    int panel_width = 0, panel_height = 0;
    for (const auto& row : rows)
        for (const Panel& panel : row) {
            columns = std::max(columns, row.size());
            panel_width = std::max(panel_width, panel.image.width * zoom);
            panel_height = std::max(panel_height, panel.image.height * zoom);
        }
    const int width = static_cast<int>(columns) * (panel_width + margin) + margin;
    const int height = static_cast<int>(rows.size()) * (panel_height + caption_height + margin);
    Gnuplot plot(png);
    plot.say("set terminal pngcairo size {},{} background '#101010' font 'DejaVu Sans,10'", width, height);
    plot.say("set output {}", quoted(plot.output().string()));
    plot.say("set multiplot");
    plot.say("unset key; unset tics; unset border; unset colorbox");
    plot.say("set autoscale noextend");
    for (std::size_t r = 0; r < rows.size(); ++r)
        for (std::size_t c = 0; c < rows[r].size(); ++c) {
            const Panel& panel = rows[r][c];
            const double left = margin + static_cast<double>(c) * (panel_width + margin);
            const double top =
                static_cast<double>(r) * (panel_height + caption_height + margin) + caption_height;
            plot.say("set lmargin at screen {}; set rmargin at screen {}", left / width,
                     (left + panel_width) / width);
            plot.say("set tmargin at screen {}; set bmargin at screen {}", 1 - top / height,
                     1 - (top + panel_height) / height);
            plot.say("unset label; set label 1 {} at screen {},{} center tc rgb 'white' noenhanced",
                     caption(panel), (left + panel_width / 2.0) / width,
                     1 - (top - caption_height + 16) / height);
            plot.say("set palette {}",
                     panel.difference ? "rgbformulae 21,22,23 maxcolors 16" : "gray maxcolors 0");
            plot.say("set cbrange [{}:{}]", panel.low, panel.high);
            const imaging::Image drawn = zoomed(panel, zoom);
            plot.say("set xrange [-0.5:{}]; set yrange [{}:-0.5]", drawn.width - 0.5, drawn.height - 0.5);
            plot.say("plot '-' binary array=({},{}) format='%float32' with image", drawn.width, drawn.height);
            plot.bytes(drawn.pixels);
        }
    plot.say("unset multiplot");
    plot.finish();
}

void draw_charts(const fs::path& png, const std::vector<Chart>& charts) {
    Gnuplot plot(png);
    plot.say("set terminal pngcairo size {},{} font 'DejaVu Sans,10'", 640 * charts.size(), 480);
    plot.say("set output {}", quoted(plot.output().string()));
    plot.say("set multiplot layout 1,{}", charts.size());
    plot.say(
        "set grid lc rgb '#dddddd'; set border 3; set tics nomirror; set key outside top center horizontal "
        "noenhanced");
    for (const Chart& chart : charts) {
        plot.say("set title {} noenhanced; set xlabel {}; set ylabel {} noenhanced", quoted(chart.title),
                 quoted(chart.x_label), quoted(chart.y_label));
        plot.say("{} logscale y; set format y '{}'", chart.logarithmic ? "set" : "unset",
                 chart.logarithmic ? "%.0e" : "%g");
        std::string command;
        for (std::size_t i = 0; i < chart.curves.size(); ++i) {
            plot.say("$curve{} << EOD", i);
            const Curve& curve = chart.curves[i];
            for (std::size_t k = 0; k < curve.x.size(); ++k) plot.say("{} {}", curve.x[k], curve.y[k]);
            plot.say("EOD");
            command += fmt::format("{}$curve{} using 1:2 with lines lw 2 lc rgb '{}' title {}",
                                   i ? ", " : "plot ", i, colours[i % colours.size()], quoted(curve.name));
        }
        plot.say("{}", command);
    }
    plot.say("unset multiplot");
    plot.finish();
}

void draw_interval_charts(const fs::path& png, const std::string& caption,
                          const std::vector<std::vector<IntervalChart>>& rows) {
    require(!rows.empty() && !rows.front().empty(), "[figure] nothing to draw");
    std::size_t lines = 0;
    for (const auto& row : rows)
        for (const IntervalChart& chart : row)
            lines = std::max(lines, chart.labels.size() * chart.series.size());
    Gnuplot plot(png);
    plot.say("set terminal pngcairo size {},{} font 'DejaVu Sans,10'", 640 * rows.front().size(),
             rows.size() * (150 + 22 * lines));
    plot.say("set output {}", quoted(plot.output().string()));
    plot.say(R"(set multiplot layout {},{} title {}."\n" noenhanced)", rows.size(), rows.front().size(),
             quoted(caption));
    plot.say("set border 3; set xtics nomirror");
    plot.say("set key outside top center horizontal noenhanced");
    for (const auto& row : rows)
        for (const IntervalChart& chart : row) {
            plot.say("set title {} noenhanced; set xlabel {} noenhanced", quoted(chart.title),
                     quoted(chart.x_label));
            plot.say("unset arrow; set yrange [{}:0.5]; unset ytics",
                     0.5 - static_cast<double>(chart.labels.size()));
            plot.say("set xrange {}", chart.zero_line ? "[*<0:0<*]" : "[*:*]");
            if (chart.zero_line)
                plot.say("set arrow from first 0,graph 0 to first 0,graph 1 nohead lc rgb '#6b6b6b'");
            std::string tics, command;
            for (std::size_t i = 0; i < chart.labels.size(); ++i)
                tics += fmt::format("{}{} {}", i ? ", " : "", quoted(chart.labels[i]), -static_cast<int>(i));
            plot.say("set ytics nomirror noenhanced ({})", tics);
            const auto count = static_cast<double>(chart.series.size());
            for (std::size_t s = 0; s < chart.series.size(); ++s) {
                const IntervalChart::Series& series = chart.series[s];
                plot.say("$series{} << EOD", s);
                for (std::size_t i = 0; i < series.centre.size(); ++i)
                    plot.say(
                        "{} {} {}", series.centre[i],
                        -static_cast<double>(i) - (static_cast<double>(s) + 0.5 - count / 2) * 0.6 / count,
                        series.half_width[i]);
                plot.say("EOD");
                command +=
                    fmt::format("{}$series{} using 1:2:3 with xerrorbars pt 7 lw 2 lc rgb '{}' title {}",
                                s ? ", " : "plot ", s, colours[s % colours.size()], quoted(series.name));
            }
            plot.say("{}", command);
        }
    plot.say("unset multiplot");
    plot.finish();
}

}  // namespace dnsp::tools
