#include "training/settings.hpp"

#include <cmath>
#include <numbers>

namespace dnsp {

using nlohmann::json;

imaging::Degradation degradation_of(const TrainingSettings& settings) {
    imaging::Degradation degradation = imaging::make_degradation(settings.preset, settings.scale);
    if (settings.blur_sigma > 0) {
        require(degradation.kernel == imaging::Degradation::Kernel::gaussian,
                "[settings] --blur-sigma needs a preset with a Gaussian kernel, not " + settings.preset);
        degradation.sigma = settings.blur_sigma;
    }
    return degradation;
}

double schedule_factor(Schedule schedule, std::int64_t step, std::int64_t total_steps) {
    if (schedule == Schedule::constant) return 1.0;
    return 0.5 *
           (1.0 + std::cos(std::numbers::pi * static_cast<double>(step) / static_cast<double>(total_steps)));
}

json to_json(const TrainingSettings& s) {
    const ObjectiveOptions& o = s.objective;
    const PriorOptions& p = o.priors;
    return {
        {"inputs", s.inputs},
        {"validation", s.validation},
        {"model",
         {{"name", s.model.name},
          {"depth", s.model.depth},
          {"width", s.model.width},
          {"global_skip", s.model.global_skip}}},
        {"prior",
         {{"variant", o.variant},
          {"alpha", o.alpha},
          {"beta", o.beta},
          {"gamma", o.gamma},
          {"tau", o.tau},
          {"extra_terms", o.extra_terms},
          {"reduction", o.reduction == Reduction::mean ? "mean" : "sum"},
          {"delta", p.delta},
          {"low_rank_method", p.low_rank_method},
          {"border", p.border == Border::valid ? "valid" : "zero"},
          {"laplacian_scale", p.laplacian_scale},
          {"filters", p.filters},
          {"filter_deviation", p.filter_deviation},
          {"fixed_filter_norms", p.fixed_filter_norms},
          {"total_variation_epsilon", p.total_variation_epsilon}}},
        {"preset", s.preset},
        {"scale", s.scale},
        {"blur_sigma", s.blur_sigma},
        {"axis", s.axis},
        {"slice_step", s.slice_step},
        {"epochs", s.epochs},
        {"batch", s.batch},
        {"patch", s.patch},
        {"patches_per_slice", s.patches_per_slice},
        {"learning_rate", s.learning_rate},
        {"filters_learning_rate", s.filters_learning_rate},
        {"schedule", s.schedule == Schedule::constant ? "constant" : "cosine"},
        {"seed", s.seed},
        {"validation_slices", s.validation_slices},
    };
}

TrainingSettings settings_from_json(const json& j) {
    TrainingSettings s;
    ObjectiveOptions& o = s.objective;
    PriorOptions& p = o.priors;
    j.at("inputs").get_to(s.inputs);
    j.at("validation").get_to(s.validation);
    const json& model = j.at("model");
    s.model = {model.at("name"), model.at("depth"), model.at("width"), model.at("global_skip")};
    const json& prior = j.at("prior");
    prior.at("variant").get_to(o.variant);
    prior.at("alpha").get_to(o.alpha);
    prior.at("beta").get_to(o.beta);
    prior.at("gamma").get_to(o.gamma);
    prior.at("tau").get_to(o.tau);
    prior.at("extra_terms").get_to(o.extra_terms);
    o.reduction = prior.at("reduction") == "mean" ? Reduction::mean : Reduction::sum;
    prior.at("delta").get_to(p.delta);
    prior.at("low_rank_method").get_to(p.low_rank_method);
    p.border = prior.at("border") == "valid" ? Border::valid : Border::zero;
    prior.at("laplacian_scale").get_to(p.laplacian_scale);
    prior.at("filters").get_to(p.filters);
    prior.at("filter_deviation").get_to(p.filter_deviation);
    prior.at("fixed_filter_norms").get_to(p.fixed_filter_norms);
    prior.at("total_variation_epsilon").get_to(p.total_variation_epsilon);
    j.at("preset").get_to(s.preset);
    j.at("scale").get_to(s.scale);
    j.at("blur_sigma").get_to(s.blur_sigma);
    j.at("axis").get_to(s.axis);
    j.at("slice_step").get_to(s.slice_step);
    j.at("epochs").get_to(s.epochs);
    j.at("batch").get_to(s.batch);
    j.at("patch").get_to(s.patch);
    j.at("patches_per_slice").get_to(s.patches_per_slice);
    j.at("learning_rate").get_to(s.learning_rate);
    j.at("filters_learning_rate").get_to(s.filters_learning_rate);
    s.schedule = j.at("schedule") == "constant" ? Schedule::constant : Schedule::cosine;
    j.at("seed").get_to(s.seed);
    j.at("validation_slices").get_to(s.validation_slices);
    return s;
}

}  // namespace dnsp
