// Compares the engine with PyTorch. fixtures/engine/make_fixtures.py wrote the expected values.
#include "engine/adam.hpp"
#include "engine/safetensors.hpp"
#include "layers/squared_error.hpp"
#include "models/model.hpp"
#include "tests/catch.hpp"
#include "tests/model_options.hpp"
#include "tests/paths.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;
using dnsp::testing::test_device;

namespace {

TensorFile fixture(const std::string& name) {
    return read_safetensors(testing::fixtures_folder() / "engine" / name);
}

std::vector<double> values(const Tensor& tensor) {
    return dispatch(tensor.dtype(), [&]<class T>() { return reference::widen(tensor.to_vector<T>()); });
}

Tensor as(DType dtype, const Tensor& tensor) {
    const auto wide = tensor.to_vector<double>();
    return dispatch(dtype, [&]<class T>() {
        return Tensor::from<T>(tensor.shape(), reference::cast<T>(wide), test_device());
    });
}

/// A network with the parameters of a fixture.
struct Network {
    Network(const ModelOptions& options, const std::string& fixture_name, DType dtype)
        : file(fixture(fixture_name)), model(make_model(options, store)) {
        store.allocate(dtype, test_device(), 1);
        for (const auto& p : store.parameters()) p.value.copy_from(as(dtype, file.tensors.at(p.name)));
        input = as(dtype, file.tensors.at("input")).require_gradient();
        target = as(dtype, file.tensors.at("target"));
    }
    /// Half the mean squared error, forward and backward.
    void step() {
        store.discard_gradients();
        Tape tape;
        output = model->forward(tape, input);
        loss = value_of(tape, squared_error(output, target, Reduction::mean));
        tape.backward(loss);
    }
    void compare(const std::string& name, const Tensor& tensor, double bound) const {
        INFO(name);
        CHECK(reference::relative_error(values(tensor), file.tensors.at(name).to_vector<double>()) <= bound);
    }
    void compare_step(double output_bound, double gradient_bound) const {
        compare("output", output, output_bound);
        compare("loss", loss, output_bound);
        compare("input.gradient", input.gradient(), gradient_bound);
        for (const auto& p : store.parameters())
            if (is_trained(p.group)) compare(p.name + ".gradient", p.value.gradient(), gradient_bound);
    }

    TensorFile file;
    ParameterStore store;
    std::unique_ptr<Model> model;
    Tensor input, target, output, loss;
};

void check_srcnn(DType dtype, double bound) {
    Network network({"srcnn", 0, 0, true}, "srcnn.safetensors", dtype);
    network.step();
    network.compare_step(bound, bound);
}

/// At half the resolution. The image has odd sides.
void check_edsr(DType dtype, double bound) {
    Network network(
        testing::model_options(
            {{"name", "edsr"}, {"depth", 1}, {"width", 4}, {"unshuffle", 2}, {"residual_scale", 0.5}}),
        "edsr.safetensors", dtype);
    network.step();
    network.compare_step(bound, bound);
}

/// The parameters are those of lfmri_values() in make_fixtures.py; of the weights' gradients the file holds
/// every 97th element.
void check_lfmri(DType dtype, double bound) {
    const TensorFile file = fixture("lfmri.safetensors");
    ParameterStore store;
    const auto model = make_model({"lfmri", 0, 0, true}, store);
    store.allocate(dtype, test_device(), 1);
    for (std::size_t number = 0; number < store.parameters().size(); ++number) {
        const auto& p = store.parameters()[number];
        const std::int64_t fan_in = p.shape.elements() / p.shape[0];
        std::vector<double> values;
        for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(p.shape.elements()); ++i) {
            const std::uint64_t mixed = (7919 * i + 104729 * number) * 2654435761 % (std::uint64_t{1} << 32);
            const double value =
                (2 * static_cast<double>(mixed) * 0x1p-32 - 1) * std::sqrt(6.0 / static_cast<double>(fan_in));
            values.push_back(p.shape.rank() == 4 ? value : 0.1 * value);
        }
        p.value.copy_from(as(dtype, Tensor::from<double>(p.shape, values)));
    }
    const Tensor input = as(dtype, file.tensors.at("input")).require_gradient();
    Tape tape;
    const Tensor output = model->forward(tape, input);
    const Tensor loss =
        value_of(tape, squared_error(output, as(dtype, file.tensors.at("target")), Reduction::mean));
    tape.backward(loss);
    const auto compare = [&](const std::string& name, const std::vector<double>& got) {
        INFO(name);
        CHECK(reference::relative_error(got, file.tensors.at(name).to_vector<double>()) <= bound);
    };
    compare("output", values(output));
    compare("loss", values(loss));
    compare("input.gradient", values(input.gradient()));
    for (const auto& p : store.parameters()) {
        std::vector<double> gradient;
        const std::vector<double> all = values(p.value.gradient());
        for (std::size_t i = 0; i < all.size(); i += p.shape.rank() == 4 ? 97 : 1) gradient.push_back(all[i]);
        compare(p.name + ".gradient", gradient);
    }
}

/// Forward and backward pass, three steps of Adam, which update the running statistics, and an inference.
void check_dcsrn(DType dtype, double output_bound, double gradient_bound, double statistics_bound) {
    Network network({"dcsrn", 2, 6, true}, "dcsrn.safetensors", dtype);
    Adam adam(network.store, {});
    for (int step = 0; step < 3; ++step) {
        network.step();
        if (step == 0) network.compare_step(output_bound, gradient_bound);
        adam.step({1e-3, 0.0});
    }
    for (const auto& p : network.store.parameters())
        if (!is_trained(p.group)) network.compare("after." + p.name, p.value, statistics_bound);
    Tape inference = Tape::inference();
    network.compare("inferred", network.model->forward(inference, network.input), output_bound);
}

}  // namespace

TEST_CASE("SRCNN, its loss and all its gradients agree with PyTorch's") {
    check_srcnn(DType::float64, 1e-12);
    check_srcnn(DType::float32, 1e-5);
}

TEST_CASE("EDSR at low resolution, its loss and all its gradients agree with PyTorch's") {
    check_edsr(DType::float64, 1e-12);
    check_edsr(DType::float32, 1e-5);
}

TEST_CASE("LFMRI, its loss and all its gradients agree with PyTorch's") {
    check_lfmri(DType::float64, 1e-12);
    check_lfmri(DType::float32, 2e-5);
}

TEST_CASE("DCSRN, its gradients, running statistics and inference agree with PyTorch's") {
    check_dcsrn(DType::float64, 1e-12, 1e-10, 1e-12);
    check_dcsrn(DType::float32, 1e-5, 1e-4, 1e-6);
}

TEST_CASE("five steps of Adam agree with PyTorch's") {
    const TensorFile file = fixture("adam.safetensors");
    ParameterStore store;
    const auto index = store.add("value", {40}, ParameterGroup::network, Initialiser::zeros());
    store.allocate(DType::float64, test_device(), 1);
    store[index].copy_from(file.tensors.at("start"));
    Adam adam(store, {});
    for (int step = 0; step < 5; ++step) {
        store.discard_gradients();
        accumulate_gradient(store[index], [&](const Tensor& target) {
            target.copy_from(file.tensors.at("gradients").view(40 * step, {40}));
        });
        adam.step({1e-3, 0.0});
        INFO("step " << step + 1);
        const auto expected = file.tensors.at("after." + std::to_string(step + 1)).to_vector<double>();
        CHECK(reference::relative_error(store[index].to_vector<double>(), expected) <= 1e-13);
    }
}
