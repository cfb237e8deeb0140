#include "base/options_json.hpp"
#include "models/model.hpp"
#include "tests/catch.hpp"

using namespace dnsp;

namespace {

/// A model that declares an option.
class Scaled : public Model {
  public:
    struct Options {
        double factor = 0.5;
        void visit(OptionVisitor& v) { v.option({.key = "scaled_factor", .flag = "--factor"}, factor); }
    };
    Scaled(const ModelOptions& options, ParameterStore&)
        : Model(options), factor(options.own.get<Options>().factor) {}
    int receptive_radius(int) const override { return 0; }
    double factor;

  protected:
    Tensor network(Tape&, const Tensor& input) const override { return input; }
};

const ModelRegistration<Scaled> registration{"scaled", "for this test"};

double factor_of(const ModelOptions& options) {
    ParameterStore store;
    return dynamic_cast<Scaled&>(*make_model(options, store)).factor;
}

}  // namespace

TEST_CASE("an option that a model declares is a setting of every run and is passed to the model") {
    ModelOptions options;
    options.name = "scaled";
    CHECK(factor_of(options) == 0.5);
    options.own.get<Scaled::Options>().factor = 2.0;
    CHECK(factor_of(options) == 2.0);
    const nlohmann::json json = to_json(options);
    CHECK(json.at("scaled_factor") == 2.0);
    ModelOptions copy;
    OptionReader reader(json);
    copy.visit(reader);
    CHECK(factor_of(copy) == 2.0);
}

TEST_CASE("two models of one name are an error") {
    CHECK_THROWS_AS(ModelRegistration<Scaled>("srcnn", "another"), Error);
}
