#include "tools/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "imaging/picture.hpp"
#include "tools/figure.hpp"
#include "tools/files.hpp"

namespace dnsp::tools {
namespace {

namespace fs = std::filesystem;

/// What a network's training held out of this file; null if the file is not in its records.
const HeldOut* held_out_of(const Upscaler& network, const std::string& path) {
    for (const HeldOut& held_out : network.network().held_out)
        if (held_out.file == fs::path(path).filename().string()) return &held_out;
    return nullptr;
}

imaging::Image absolute_difference(const imaging::Image& a, const imaging::Image& b) {
    imaging::Image out(a.height, a.width);
    for (std::size_t i = 0; i < out.pixels.size(); ++i) out.pixels[i] = std::abs(a.pixels[i] - b.pixels[i]);
    return out;
}

/// NIfTI's rows go from back to front and from foot to head in the usual orientation: turned up for the eye.
imaging::Image rows_reversed(const imaging::Image& image) {
    imaging::Image out(image.height, image.width);
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x) out.at(y, x) = image.at(image.height - 1 - y, x);
    return out;
}

nlohmann::json text_json(const std::map<std::string, std::string>& text) { return text; }

}  // namespace

void EvaluationOptions::visit(OptionVisitor& v) {
    v.option(
        {.key = "slice_step", .flag = "--slice-step", .help = "every n-th slice", .range = Range::positive},
        slice_step);
    imaging::visit_slice_axis(v, axis);
    v.option({.key = "border_shave",
              .flag = "--shave",
              .help = "pixels left out at each border",
              .range = Range::non_negative},
             border_shave);
}

imaging::Degradation common_degradation(const std::vector<Method>& methods,
                                        const imaging::Degradation& fallback) {
    std::optional<imaging::Degradation> common;
    for (const Method& method : methods) {
        if (!method.network) continue;
        if (!common) common = method.network->degradation();
        require(common->scale == method.network->scale(),
                fmt::format("{}: trained for scale {}, the others for {}", method.name,
                            method.network->scale(), common->scale));
    }
    return common.value_or(fallback);
}

Evaluation::Evaluation(std::vector<Method> methods, imaging::Degradation degradation,
                       EvaluationOptions options)
    : methods_(std::move(methods)), degradation_(std::move(degradation)), options_(options) {}

std::vector<int> Evaluation::chosen_slices(const Subject& subject) const {
    std::optional<std::set<int>> allowed;
    if (options_.held_out_only)
        for (const Method& method : methods_) {
            if (!method.network) continue;
            const HeldOut* held_out = held_out_of(*method.network, subject.path);
            require(held_out,
                    fmt::format("{}: {} held nothing of it out; --held-out is for files of its training or "
                                "validation",
                                subject.path, method.name));
            if (held_out->slices.empty()) continue;
            std::set<int> own(held_out->slices.begin(), held_out->slices.end());
            if (allowed) std::erase_if(own, [&](int i) { return !allowed->contains(i); });
            allowed = own;
        }
    std::vector<int> chosen;
    for (std::size_t i = 0; i < subject.slices.size(); ++i) {
        const int index = subject.slices[i].index;
        if (allowed && !allowed->contains(index)) continue;
        if (options_.first_slice && (index < *options_.first_slice || index >= *options_.end_slice)) continue;
        chosen.push_back(static_cast<int>(i));
    }
    std::vector<int> stepped;
    for (std::size_t i = 0; i < chosen.size(); i += static_cast<std::size_t>(options_.slice_step))
        stepped.push_back(chosen[i]);
    require(!stepped.empty(), subject.path + ": none of the chosen slices shows the head");
    return stepped;
}

void Evaluation::add_file(const std::string& path, const std::function<void(double)>& progress) {
    const bool is_volume = image_kind(path) == ImageKind::volume;
    const Subject subject = is_volume ? load_subject(path, degradation_, options_.axis, options_.volume)
                                      : make_subject(imaging::read_picture(path).image, path, degradation_);
    const std::vector<int> chosen = chosen_slices(subject);
    const imaging::Normalisation& range = subject.reference_range;
    const imaging::MetricConvention convention{range.high - range.low, options_.border_shave};
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        const SlicePair& pair = subject.slices[static_cast<std::size_t>(chosen[i])];
        std::vector<imaging::Image> results;
        for (std::size_t m = 0; m < methods_.size(); ++m) {
            results.push_back(methods_[m].network
                                  ? methods_[m].network->enhance(pair.input, subject.normalisation)
                                  : pair.input);
            scores_.push_back({path, pair.index, m, imaging::psnr(pair.target, results.back(), convention),
                               imaging::ssim(pair.target, results.back(), convention)});
        }
        if (!example_ && i == chosen.size() / 2)
            example_ = Example{pair.target, std::move(results), range,
                               fmt::format("{}, slice {}", fs::path(path).filename().string(), pair.index),
                               is_volume};
        progress((static_cast<double>(i) + 1.0) / static_cast<double>(chosen.size()));
    }
    files_.push_back(path);
}

/// One value a unit of the interval: a file's mean, or a slice.
std::vector<double> Evaluation::units(std::size_t method, double Score::*figure) const {
    std::vector<double> slices;
    std::map<std::string, std::vector<double>> by_file;
    for (const Score& score : scores_) {
        if (score.method != method) continue;
        slices.push_back(score.*figure);
        by_file[score.file].push_back(score.*figure);
    }
    if (files_.size() < 2) return slices;
    std::vector<double> means;
    for (const auto& [file, values] : by_file) means.push_back(imaging::mean_and_interval(values).mean);
    return means;
}

nlohmann::json Evaluation::json() const {
    nlohmann::json methods = nlohmann::json::array();
    for (std::size_t m = 0; m < methods_.size(); ++m) {
        const auto psnr = imaging::mean_and_interval(units(m, &Score::psnr_db));
        const auto ssim = imaging::mean_and_interval(units(m, &Score::ssim));
        methods.push_back({{"name", methods_[m].name},
                           {"psnr_db_mean", psnr.mean},
                           {"psnr_db_ci95", psnr.ci95},
                           {"ssim_mean", ssim.mean},
                           {"ssim_ci95", ssim.ci95},
                           {"n", psnr.n}});
    }
    return {{"convention",
             {{"data_range", "99.9th minus 0.1th percentile of the high-resolution volume"},
              {"psnr", "10 log10(data_range^2 / mean squared error), dB, mean of the slices' values"},
              {"ssim",
               "11x11 Gaussian window, sigma 1.5, K1 .01, K2 .03, population covariance, windows inside the "
               "image"},
              {"border_shave_pixels", options_.border_shave},
              {"slices",
               fmt::format("{} that show the head",
                           options_.slice_step == 1 ? "all" : fmt::format("one in {}", options_.slice_step)) +
                   (options_.held_out_only ? " and were held out of training" : "")},
              {"interval", "95 %, Student's t, over the unit"},
              {"unit", unit_name()},
              {"slices_total", scores_.size() / methods_.size()},
              {"degradation", text_json(imaging::describe(degradation_))},
              {"normalisation", normalisation_text}}},
            {"files", files_},
            {"methods", methods}};
}

std::string Evaluation::csv() const {
    std::string text = "file,slice,method,psnr_db,ssim\n";
    for (const Score& s : scores_)
        text += fmt::format("\"{}\",{},\"{}\",{:.6f},{:.6f}\n", s.file, s.slice, methods_[s.method].name,
                            s.psnr_db, s.ssim);
    return text;
}

std::string Evaluation::table() const {
    const auto figures = json();
    std::string text =
        fmt::format("{:<24} {:>18} {:>20} {:>5}\n", "method", "PSNR, dB (±95 %)", "SSIM (±95 %)", "n");
    for (const auto& m : figures["methods"])
        text += fmt::format("{:<24} {:>10.3f} ± {:<6.3f} {:>10.4f} ± {:<6.4f} {:>5}\n",
                            m["name"].get<std::string>(), m["psnr_db_mean"].get<double>(),
                            m["psnr_db_ci95"].get<double>(), m["ssim_mean"].get<double>(),
                            m["ssim_ci95"].get<double>(), m["n"].get<int>());
    text += fmt::format("n counts {}s; {} slices; scale ×{}, preset {}; data range: {}; border shave {}\n",
                        unit_name(), figures["convention"]["slices_total"].get<std::size_t>(),
                        degradation_.scale, degradation_.preset,
                        figures["convention"]["data_range"].get<std::string>(), options_.border_shave);
    return text;
}

void Evaluation::draw(const fs::path& png) const {
    require(example_.has_value(), png.string() + ": there is no slice to draw");
    auto upright = [&](const imaging::Image& image) {
        return example_->is_volume ? rows_reversed(image) : image;
    };
    const imaging::Image target = upright(example_->target);
    const imaging::Normalisation& range = example_->range;
    const imaging::MetricConvention convention{range.high - range.low, options_.border_shave};
    const float largest_difference = 0.1f * (range.high - range.low);
    // The detail: the middle third, enlarged to the size of the whole.
    const int detail_height = target.height / 3, detail_width = target.width / 3;
    auto detail = [&](const imaging::Image& image) {
        imaging::Image out(detail_height * 3, detail_width * 3);
        for (int y = 0; y < out.height; ++y)
            for (int x = 0; x < out.width; ++x)
                out.at(y, x) = image.at(detail_height + y / 3, detail_width + x / 3);
        return out;
    };
    std::vector<Panel> whole, details;
    auto add = [&](const imaging::Image& image, std::vector<std::string> lines, float low, float high,
                   bool difference) {
        whole.push_back({image, std::move(lines), low, high, difference});
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
    for (std::size_t m = 0; m < methods_.size(); ++m)
        add(absolute_difference(target, upright(example_->results[m])),
            {"|error| " + methods_[m].name, "white: 10 % of the range"}, 0.0f, largest_difference, true);
    draw_panels(png, {whole, details}, 2);
}

}  // namespace dnsp::tools
