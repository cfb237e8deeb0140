// Whole networks against finite differences, parameter by parameter.
#include "models/model.hpp"
#include "tests/gradient_check.hpp"
#include "tests/model_options.hpp"

using namespace dnsp;
using namespace dnsp::testing;

namespace {

/// The network as a function of its input and of all its parameters. Buffers are constants.
struct Network {
    ModelOptions options;

    std::vector<Input> inputs(const Shape& image) const {
        ParameterStore store;
        make_model(options, store);
        std::vector<Input> all{random_input(image, 1, 0, 1)};
        for (const auto& p : store.parameters()) {
            const auto seed = static_cast<std::uint64_t>(all.size());
            const double scale = p.shape.rank() == 4
                                     ? std::sqrt(3.0 / static_cast<double>(p.shape.elements() / p.shape[0]))
                                     : 0.1;
            all.push_back(random_input(p.shape, 1 + seed, -scale, scale));
            all.back().constant = !is_trained(p.group);
        }
        return all;
    }
    /// Stores the gradients of the parameters in `gradients`.
    Tensor operator()(Tape& tape, const std::vector<Tensor>& x) const {
        ParameterStore store;
        const auto model = make_model(options, store);
        store.allocate(x[0].dtype(), test_device(), 1);
        slots.clear();
        for (std::size_t i = 0; i < store.parameters().size(); ++i) {
            store[i].copy_from(x[i + 1]);
            slots.push_back(store[i].gradient_slot());
        }
        // Finite differences use a tape that does not record, but must be computed in training mode.
        Tape recording;
        return model->forward(tape.recording() ? tape : recording, x[0]);
    }
    mutable std::vector<std::shared_ptr<Gradient>> slots;
};

void check(const ModelOptions& options, const Shape& image, std::size_t elements) {
    const Network network{options, {}};
    const Function function = [&](Tape& tape, const std::vector<Tensor>& x) { return network(tape, x); };
    const auto inputs = network.inputs(image);
    const auto result = differentiate(function, inputs, DType::float64);
    std::vector<std::vector<double>> gradients{result.gradients[0]};
    for (const auto& slot : network.slots)
        gradients.push_back(slot ? values_of(slot->value) : std::vector<double>());
    const CheckOptions check_options{.step = 1e-5, .bound = 1e-6, .elements = elements, .skipped = 0.1};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i].constant) continue;
        const auto comparison = compare_with_differences(function, inputs, i, gradients[i], check_options);
        INFO(options.name << ", input " << i << " of shape " << inputs[i].shape.text() << ": relative error "
                          << comparison.error() << ", skipped " << comparison.skipped);
        CHECK(comparison.error() <= check_options.bound);
        CHECK(comparison.skipped * 10 <= comparison.skipped + comparison.gradient.size());
        CHECK(comparison.gradient.size() > 0);
    }
    differentiate(function, inputs, DType::float32);
    for (std::size_t i = 0; i + 1 < inputs.size(); ++i)
        if (network.slots[i])
            CHECK(reference::relative_error(values_of(network.slots[i]->value), gradients[i + 1]) <= 1e-3);
}

}  // namespace

TEST_CASE("gradients of a tiny EDSR with respect to its input and every parameter") {
    check({"edsr", 1, 3, true}, {2, 5, 6, 1}, 40);
    check({"edsr", 2, 2, false}, {1, 7, 4, 1}, 40);
}

TEST_CASE("gradients of a tiny EDSR that computes at low resolution") {
    check(unshuffled_edsr(1, 3, 2), {2, 6, 8, 1}, 40);
    check(unshuffled_edsr(1, 2, 3, false), {1, 7, 5, 1}, 40);
}

TEST_CASE("gradients of SRCNN with respect to its input and every layer") {
    check({"srcnn", 0, 0, true}, {1, 7, 6, 1}, 12);
    check({"srcnn", 0, 0, false}, {2, 3, 5, 1}, 12);
}

TEST_CASE("gradients of a tiny DCSRN with respect to its input and every parameter") {
    check({"dcsrn", 2, 2, true}, {2, 5, 6, 1}, 40);
    check({"dcsrn", 1, 3, false}, {1, 7, 4, 1}, 40);
}
