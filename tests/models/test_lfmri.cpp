#include "base/options_json.hpp"
#include "models/model.hpp"
#include "tests/catch.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;
using dnsp::testing::test_device;

namespace {

struct Lfmri {
    ParameterStore store;
    std::unique_ptr<Model> model;

    explicit Lfmri(bool labels) {
        ModelOptions options;
        OptionReader reader({{"name", "lfmri"}, {"lfmri_labels", labels}});
        options.visit(reader);
        model = make_model(options, store);
        store.allocate(DType::float64, test_device(), 1);
    }
    std::vector<double> operator()(const Shape& shape, const std::vector<double>& input) const {
        Tape tape = Tape::inference();
        return model->forward(tape, Tensor::from<double>(shape, input, test_device())).to_vector<double>();
    }
};

}  // namespace

TEST_CASE("LFMRI has the specified size, reads four channels and has no global skip") {
    const Lfmri network(true);
    CHECK(network.store.elements(ParameterGroup::network) == 133825);
    CHECK(network.model->receptive_radius() == 7);
    CHECK(network.model->input_channels() == 4);
    CHECK_FALSE(network.model->options().global_skip);
}

TEST_CASE("LFMRI without labels reads zeros instead of them") {
    const Lfmri with_labels(true), without(false);
    CHECK(without.model->input_channels() == 1);
    CHECK(without.store.elements(ParameterGroup::network) == 133825);
    const std::vector<double> intensity = reference::uniform(2 * 9 * 8, 1, 0, 1);
    std::vector<double> padded;
    for (const double x : intensity) padded.insert(padded.end(), {x, 0.0, 0.0, 0.0});
    CHECK(without({2, 9, 8, 1}, intensity) == with_labels({2, 9, 8, 4}, padded));
}
