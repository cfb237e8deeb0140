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

// docs/results/recipes.md gives the scores of these settings. Measure again when they change.
TEST_CASE("the recipes have the networks and lengths that were measured") {
    TrainingSettings fast, good;
    apply_recipe("fast", fast);
    apply_recipe("good", good);
    for (const TrainingSettings* settings : {&fast, &good}) {
        const nlohmann::json json = to_json(*settings);
        REQUIRE(json["model"]["name"] == "edsr");
        REQUIRE(json["model"]["depth"] == 8);
        REQUIRE(json["model"]["width"] == 64);
        REQUIRE(json["model"]["residual_scale"] == 1.0);
        REQUIRE(json["batch"] == 32);
        REQUIRE(settings->learning_rate == 1e-3);
    }
    REQUIRE(fast.steps == 2400);
    REQUIRE(good.steps == 8000);
}

TEST_CASE("an unknown recipe is refused with the known ones") {
    TrainingSettings settings;
    REQUIRE_THROWS_WITH(apply_recipe("best", settings), "--recipe best: unknown; known are fast, good");
}
