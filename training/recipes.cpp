#include "training/recipes.hpp"

#include <algorithm>
#include <array>

#include "base/options_json.hpp"

namespace dnsp {
namespace {

struct Recipe {
    const char *name, *summary;
    const char*
        settings;  ///< JSON of the settings that differ from the defaults, without what depends on the scale
};

constexpr std::array recipes{Recipe{"fast", "a few minutes of two CPU cores", R"({
        "model": {"name": "edsr", "depth": 8, "width": 64, "residual_scale": 1.0},
        "prior": {"variant": "NP"},
        "learning_rate": 1e-3, "schedule": "cosine", "steps": 2400, "batch": 32, "patches_per_slice": 8, "slice_step": 1
    })"},
                             Recipe{"good", "a quarter of an hour of two CPU cores", R"({
        "model": {"name": "edsr", "depth": 8, "width": 64, "residual_scale": 1.0},
        "prior": {"variant": "NP"},
        "learning_rate": 1e-3, "schedule": "cosine", "steps": 8000, "batch": 32, "patches_per_slice": 8, "slice_step": 1
    })"}};

}  // namespace

void apply_recipe(const std::string& name, TrainingSettings& settings) {
    std::string known;
    for (const Recipe& recipe : recipes) {
        known += (known.empty() ? "" : ", ") + std::string(recipe.name);
        if (recipe.name != name) continue;
        nlohmann::json json = nlohmann::json::parse(recipe.settings);
        // The network computes at low resolution, on patches of 20 pixels there. On one grid it halves the
        // resolution.
        const int factor = std::max(2, settings.degradation.scale);
        json["model"]["unshuffle"] = factor;
        json["patch"] = 20 * factor;
        OptionReader reader(json);
        settings.visit(reader);
        require(reader.unknown_key().empty(), "[recipe] unknown setting " + reader.unknown_key());
        return;
    }
    throw Error("--recipe " + name + ": unknown; known are " + known);
}

std::string recipe_help() {
    std::string text;
    for (const Recipe& recipe : recipes)
        text += (text.empty() ? "" : "; ") + std::string(recipe.name) + ": " + recipe.summary;
    return text;
}

}  // namespace dnsp
