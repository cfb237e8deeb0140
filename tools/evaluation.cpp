#include "tools/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "imaging/linear_match.hpp"
#include "imaging/picture.hpp"
#include "tools/files.hpp"

namespace dnsp::tools {
namespace {

namespace fs = std::filesystem;

/// The slices of a file that the training of a network held out; null if training did not use the file.
const HeldOut* held_out_of(const Upscaler& network, const std::string& path) {
    for (const HeldOut& held_out : network.network().held_out)
        if (held_out.file == fs::path(path).filename().string()) return &held_out;
    return nullptr;
}

}  // namespace

void EvaluationOptions::visit(OptionVisitor& v) {
    v.option({.key = "slice_step",
              .flag = "--slice-step",
              .help = "use every n-th slice",
              .range = Range::positive},
             slice_step);
    imaging::visit_slice_axis(v, axis);
    v.option({.key = "border_shave",
              .flag = "--shave",
              .help = "pixels excluded at each border",
              .range = Range::non_negative},
             border_shave);
    v.option({.key = "dataset",
              .flag = "--dataset",
              .help = "name of the data set in the CSV file; default: the folder of each file"},
             dataset);
    v.option({.key = "regime", .flag = "--regime", .help = "name of the training regime in the CSV file"},
             regime);
}

imaging::Degradation common_degradation(const std::vector<Method>& methods, const imaging::Degradation& given,
                                        bool stated) {
    std::optional<imaging::Degradation> common;
    if (stated) common = given;
    for (const Method& method : methods) {
        if (!method.network) continue;
        require(method.network->degradation().preset != imaging::pairs_preset,
                method.name + ": was trained on real pairs; --pairs LOW HIGH evaluates it");
        if (!common) common = method.network->degradation();
        require(common->scale == method.network->scale(),
                fmt::format("{}: trained for scale {}, {} {}", method.name, method.network->scale(),
                            stated ? "--scale is" : "the others for", common->scale));
        require(common->through_plane.has_value() == method.network->degradation().through_plane.has_value(),
                method.name + (stated ? ": its training had another --direction"
                                      : ": trained for thick slices, others are not, or the reverse"));
    }
    return common.value_or(given);
}

Evaluation::Evaluation(std::vector<Method> methods, imaging::Degradation degradation,
                       EvaluationOptions options)
    : methods_(std::move(methods)), degradation_(std::move(degradation)), options_(std::move(options)) {}

std::vector<int> Evaluation::chosen_slices(const Subject& subject) const {
    std::optional<std::set<int>> allowed;
    if (options_.held_out_only)
        for (const Method& method : methods_) {
            if (!method.network) continue;
            const HeldOut* held_out = held_out_of(*method.network, subject.path);
            require(held_out,
                    fmt::format("{}: {} held out nothing of it; --held-out is for files of its training or "
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

void Evaluation::add_file(const std::string& path, const std::string& person,
                          const std::function<void(double)>& progress) {
    const bool is_volume = image_kind(path) == ImageKind::volume;
    auto features = InputFeatures::intensity;
    for (const Method& method : methods_)
        if (method.network) features = std::max(features, method.network->input_features());
    Subject subject =
        is_volume ? make_subject(read_volume(path, options_.volume), degradation_, options_.axis, features)
                  : make_subject(imaging::read_grey_picture(path).image, path, degradation_, features);
    add_subject(std::move(subject), person, is_volume, progress);
}

bool Evaluation::add_pair(const PairPaths& paths, const std::string& person,
                          const std::function<void(double)>& progress) {
    Subject subject = naming_volume_option([&] { return load_pair(paths, options_.axis, options_.volume); });
    for (const Method& method : methods_)
        require(!method.network || method.network->input_features() == InputFeatures::intensity,
                method.name + ": reads tissue labels, which pairs do not have");
    if (subject.slices.empty()) return false;
    add_subject(std::move(subject), person, image_kind(paths.high) == ImageKind::volume, progress);
    return true;
}

bool Evaluation::repeats_content() const {
    return std::set<std::string>(contents_.begin(), contents_.end()).size() < contents_.size();
}

std::string Evaluation::unite_persons(Persons persons) {
    persons.labels = labels_;
    const UnitedPersons united = unite_equal_content(persons, files_, contents_, true);
    std::map<std::string, std::string> label_of;
    for (std::size_t i = 0; i < labels_.size(); ++i) label_of[labels_[i]] = united.labels[i];
    for (Score& score : scores_) score.subject = label_of.at(score.subject);
    return united.text;
}

void Evaluation::add_subject(Subject subject, const std::string& person, bool is_volume,
                             const std::function<void(double)>& progress) {
    if (!is_volume) subject.slices.front().index = pictures_[person]++;
    const std::string& path = subject.path;
    const std::vector<int> chosen = chosen_slices(subject);
    const imaging::Normalisation& range = subject.reference_range;
    const imaging::MetricConvention convention{range.high - range.low, options_.border_shave};
    const std::string dataset = options_.dataset.empty()
                                    ? fs::weakly_canonical(path).parent_path().filename().string()
                                    : options_.dataset;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        const SlicePair& pair = subject.slices[static_cast<std::size_t>(chosen[i])];
        std::vector<imaging::Image> results;
        for (const Method& method : methods_) {
            results.push_back(on_target_scale(subject, method.restore(subject, pair)));
            scores_.push_back({.file = path,
                               .dataset = dataset,
                               .subject = person,
                               .slice = pair.index,
                               .method = method.name,
                               .scale = degradation_.scale,
                               .regime = options_.regime,
                               .seed = method.seed,
                               .psnr_db = imaging::psnr(pair.target, results.back(), convention),
                               .ssim = imaging::ssim(pair.target, results.back(), convention)});
            if (!options_.pairs) continue;
            const imaging::Image matched = imaging::linear_match(results.back(), pair.target);
            scores_.back().psnr_db_matched = imaging::psnr(pair.target, matched, convention);
            scores_.back().ssim_matched = imaging::ssim(pair.target, matched, convention);
        }
        if (!example_ && i == chosen.size() / 2)
            example_ = Example{pair.target, std::move(results), range,
                               fmt::format("{}, slice {}", fs::path(path).filename().string(), pair.index),
                               is_volume};
        progress((static_cast<double>(i) + 1.0) / static_cast<double>(chosen.size()));
    }
    files_.push_back(path);
    labels_.push_back(person);
    contents_.push_back(subject.content + " " + subject.low_content);
}

std::size_t Evaluation::persons() const {
    std::set<std::string> distinct;
    for (const Score& score : scores_) distinct.insert(score.subject);
    return distinct.size();
}

statistics::MeanInterval Evaluation::interval(std::size_t method, double Score::*metric) const {
    std::map<std::pair<std::string, int>, std::vector<double>> values_of;  // of persons, or of single slices
    const bool several = persons() > 1;
    for (std::size_t i = method; i < scores_.size(); i += methods_.size())
        values_of[{scores_[i].subject, several ? 0 : static_cast<int>(i)}].push_back(scores_[i].*metric);
    std::vector<double> means;
    for (const auto& [unit, values] : values_of) means.push_back(statistics::mean_of(values));
    return statistics::mean_and_interval(means);
}

Summary Evaluation::summary() const {
    Summary summary;
    for (std::size_t m = 0; m < methods_.size(); ++m)
        summary.rows.push_back({methods_[m].name, methods_[m].seed, interval(m, &Score::psnr_db),
                                interval(m, &Score::ssim), interval(m, &Score::psnr_db_matched),
                                interval(m, &Score::ssim_matched)});
    summary.pairs = options_.pairs;
    summary.scores = scores_;
    summary.files = files_;
    summary.unit = persons() < 2 ? "slice" : "person";
    summary.slices = scores_.size() / methods_.size();
    summary.chosen_slices =
        fmt::format("{} that show the head{}{}",
                    options_.slice_step == 1 ? "all" : fmt::format("one in {}", options_.slice_step),
                    options_.pairs ? " in both images" : "",
                    options_.held_out_only ? " and were held out of training" : "");
    summary.border_shave = options_.border_shave;
    summary.degradation = degradation_;
    return summary;
}

}  // namespace dnsp::tools
