#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tools/evaluation.hpp"
#include "tools/figure.hpp"

namespace dnsp::tools {
namespace {

namespace fs = std::filesystem;

constexpr int panel_pixels = 512;  ///< most pixels of the PNG along a side of an enlarged panel

imaging::Image absolute_difference(const imaging::Image& a, const imaging::Image& b) {
    imaging::Image out(a.height, a.width);
    for (std::size_t i = 0; i < out.pixels.size(); ++i) out.pixels[i] = std::abs(a.pixels[i] - b.pixels[i]);
    return out;
}

/// For display: the rows of a NIfTI slice usually run from back to front or from foot to head.
imaging::Image rows_reversed(const imaging::Image& image) {
    imaging::Image out(image.height, image.width);
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x) out.at(y, x) = image.at(image.height - 1 - y, x);
    return out;
}

/// The error drawn white, in percent of the range `width`: the least of 1, 2, 5, 10, 20, 50 and 100 that 95 %
/// of the pixels of every error image stay below. All images of a figure share it.
int white_error_percent(const std::vector<imaging::Image>& errors, float width) {
    float largest = 0.0f;
    for (const imaging::Image& error : errors) {
        std::vector<float> sorted = error.pixels;
        const auto at = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) * 95 / 100);
        std::nth_element(sorted.begin(), at, sorted.end());
        largest = std::max(largest, *at);
    }
    constexpr std::array percents{1, 2, 5, 10, 20, 50};
    for (const int percent : percents)
        if (largest <= width * static_cast<float>(percent) / 100) return percent;
    return 100;
}

}  // namespace

void Evaluation::draw(const fs::path& png) const {
    require(example_.has_value(), png.string() + ": there is no slice to draw");
    auto upright = [&](const imaging::Image& image) {
        return example_->is_volume ? rows_reversed(image) : image;
    };
    const imaging::Image target = upright(example_->target);
    const imaging::Normalisation& range = example_->range;
    const imaging::MetricConvention convention{range.high - range.low, options_.border_shave};
    // The detail is the middle third, which a box marks, enlarged to the size of the image.
    const int detail_height = target.height / 3, detail_width = target.width / 3;
    auto detail = [&](const imaging::Image& image) {
        imaging::Image out(detail_height * 3, detail_width * 3);
        for (int y = 0; y < out.height; ++y)
            for (int x = 0; x < out.width; ++x)
                out.at(y, x) = image.at(detail_height + y / 3, detail_width + x / 3);
        return out;
    };
    std::vector<Panel> whole, details;
    auto boxed = [&](imaging::Image image, float value) {
        for (int x = 0; x < detail_width; ++x)
            for (const int y : {0, detail_height - 1}) image.at(detail_height + y, detail_width + x) = value;
        for (int y = 0; y < detail_height; ++y)
            for (const int x : {0, detail_width - 1}) image.at(detail_height + y, detail_width + x) = value;
        return image;
    };
    auto add = [&](const imaging::Image& image, std::vector<std::string> lines, float low, float high,
                   bool difference) {
        whole.push_back({boxed(image, high), std::move(lines), low, high, difference});
        details.push_back({detail(image), {"detail ×3"}, low, high, difference});
    };
    add(target, {"ground truth", example_->title}, range.low, range.high, false);
    for (std::size_t m = 0; m < methods_.size(); ++m) {
        const imaging::Image result = upright(example_->results[m]);
        add(result,
            {methods_[m].name,
             fmt::format("{:.2f} dB, SSIM {:.4f}", imaging::psnr(target, result, convention),
                         imaging::ssim(target, result, convention))},
            range.low, range.high, false);
    }
    std::vector<imaging::Image> errors;
    for (const imaging::Image& result : example_->results)
        errors.push_back(absolute_difference(target, upright(result)));
    const int percent = white_error_percent(errors, range.high - range.low);
    for (std::size_t m = 0; m < methods_.size(); ++m)
        add(errors[m], {"|error| " + methods_[m].name, fmt::format("white: {} % of the range", percent)},
            0.0f, (range.high - range.low) * static_cast<float>(percent) / 100, true);
    draw_panels(png, {whole, details}, std::max(1, panel_pixels / std::max(target.height, target.width)));
}

}  // namespace dnsp::tools
