#include "base/options_json.hpp"
#include "tests/catch.hpp"
#include "training/recipes.hpp"

using namespace dnsp;

TEST_CASE("a recipe sets network and schedule and keeps inputs, degradation and seed") {
    for (const std::string name : {"fast", "good"})
        for (const int scale : {2, 3, 4}) {
            TrainingSettings settings;
            settings.inputs = {"a.nii"};
            settings.degradation.scale = scale;
            settings.degradation.noise = 0.02;
            settings.seed = 7;
            apply_recipe(name, settings);
            REQUIRE(settings.inputs == std::vector<std::string>{"a.nii"});
            REQUIRE(settings.degradation.scale == scale);
            REQUIRE(settings.degradation.noise == 0.02);
            REQUIRE(settings.seed == 7);
            REQUIRE(settings.schedule == Schedule::cosine);
            REQUIRE(settings.steps > 0);
            REQUIRE(to_json(settings)["model"]["unshuffle"] == scale);
            ParameterStore store;
            REQUIRE_NOTHROW(make_model(settings.model, store));
        }
}

TEST_CASE("an unknown recipe is refused with the known ones") {
    TrainingSettings settings;
    REQUIRE_THROWS_WITH(apply_recipe("best", settings), "--recipe best: unknown; known are fast, good");
}
