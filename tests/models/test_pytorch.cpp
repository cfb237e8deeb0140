// The engine against PyTorch: fixtures/engine/make_fixtures.py wrote what it computed.
#include "engine/adam.hpp"
#include "engine/safetensors.hpp"
#include "layers/squared_error.hpp"
#include "models/model.hpp"
#include "tests/catch.hpp"
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

/// SRCNN with a global skip and half the mean squared error, forward and backward.
void check_srcnn(DType dtype, double bound) {
    const TensorFile file = fixture("srcnn.safetensors");
    ParameterStore store;
    const auto model = make_model({"srcnn", 0, 0, true}, store);
    store.allocate(dtype, test_device(), 1);
    for (const auto& p : store.parameters()) p.value.copy_from(as(dtype, file.tensors.at(p.name)));

    Tensor input = as(dtype, file.tensors.at("input")).require_gradient();
    Tape tape;
    const Tensor output = model->forward(tape, input);
    const Tensor loss =
        value_of(tape, squared_error(output, as(dtype, file.tensors.at("target")), Reduction::mean));
    tape.backward(loss);

    const auto compare = [&](const std::string& name, const Tensor& ours) {
        INFO(name);
        CHECK(reference::relative_error(values(ours), file.tensors.at(name).to_vector<double>()) <= bound);
    };
    compare("output", output);
    compare("loss", loss);
    compare("input.gradient", input.gradient());
    for (const auto& p : store.parameters()) compare(p.name + ".gradient", p.value.gradient());
}

}  // namespace

TEST_CASE("SRCNN, its loss and all its gradients agree with PyTorch's") {
    check_srcnn(DType::float64, 1e-12);
    check_srcnn(DType::float32, 1e-5);
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
