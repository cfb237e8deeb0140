#include "training/settings.hpp"

#include <cmath>
#include <numbers>

namespace dnsp {

using nlohmann::json;

namespace {

/// Reads or writes options under their keys.
template <bool writes>
class JsonVisitor : public OptionVisitor {
  public:
    explicit JsonVisitor(json& object) : object_(object) {}
    using OptionVisitor::option;
    void option(const OptionInfo& info, bool& value) override { one(info, value); }
    void option(const OptionInfo& info, int& value) override { one(info, value); }
    void option(const OptionInfo& info, std::uint64_t& value) override { one(info, value); }
    void option(const OptionInfo& info, double& value) override { one(info, value); }
    void option(const OptionInfo& info, std::string& value) override { one(info, value); }
    void option(const OptionInfo& info, std::vector<std::string>& value) override { one(info, value); }
    void option(const OptionInfo& info, std::map<std::string, double>& value) override { one(info, value); }
    void nested(const std::string&, const std::function<void()>& visit_member) override { visit_member(); }

  private:
    template <class Value>
    void one(const OptionInfo& info, Value& value) {
        if constexpr (writes)
            object_[info.key] = value;
        else if (object_.contains(info.key))
            object_.at(info.key).get_to(value);
    }
    json& object_;
};

json options_to_json(ObjectiveOptions options) {
    json object = json::object();
    JsonVisitor<true> visitor(object);
    options.visit(visitor);
    return object;
}

void options_from_json(json object, ObjectiveOptions& options) {
    JsonVisitor<false> visitor(object);
    options.visit(visitor);
}

}  // namespace

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
    return {
        {"inputs", s.inputs},
        {"validation", s.validation},
        {"model",
         {{"name", s.model.name},
          {"depth", s.model.depth},
          {"width", s.model.width},
          {"global_skip", s.model.global_skip}}},
        {"prior", options_to_json(s.objective)},
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
    j.at("inputs").get_to(s.inputs);
    j.at("validation").get_to(s.validation);
    const json& model = j.at("model");
    s.model = {model.at("name"), model.at("depth"), model.at("width"), model.at("global_skip")};
    options_from_json(j.at("prior"), s.objective);
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
