#include "models/model.hpp"

#include <algorithm>

#include "inference/tiled_inference.hpp"
#include "layers/conv2d.hpp"
#include "tests/catch.hpp"
#include "tests/model_options.hpp"
#include "tests/reference/arrays.hpp"
#include "tests/test_device.hpp"

using namespace dnsp;
using dnsp::testing::model_options, dnsp::testing::test_device, dnsp::testing::unshuffled_edsr;

namespace {

Tensor image_of(const Shape& shape, DType dtype, std::uint64_t seed = 1) {
    const auto values = reference::uniform(shape.elements(), seed, 0, 1);
    return dispatch(
        dtype, [&]<class T>() { return Tensor::from<T>(shape, reference::cast<T>(values), test_device()); });
}

struct Network {
    ParameterStore store;
    std::unique_ptr<Model> model;

    Network(const ModelOptions& options, DType dtype, std::uint64_t seed = 1)
        : model(make_model(options, store)) {
        store.allocate(dtype, test_device(), seed);
    }
    /// A random input.
    Tensor input(std::int64_t batch, std::int64_t height, std::int64_t width) const {
        return image_of({batch, height, width, model->input_channels()}, store.values().dtype());
    }
    /// A network with random parameters: zeros in the last layer would hide errors.
    Network& randomise() {
        for (const auto& p : store.parameters()) {
            const double scale = p.shape.rank() == 4 ? 0.5 : 0.1;
            const bool trained =
                is_trained(p.group);  // running statistics include variances, which are positive
            const auto random = reference::uniform(p.shape.elements(), static_cast<std::uint64_t>(p.first),
                                                   trained ? -scale : 0.5, trained ? scale : 1.5);
            dispatch(p.value.dtype(), [&]<class T>() {
                p.value.copy_from(Tensor::from<T>(p.shape, reference::cast<T>(random)));
            });
        }
        return *this;
    }
};

Tensor forward(const Model& model, const Tensor& input) {
    Tape tape = Tape::inference();
    return model.forward(tape, input);
}

/// A function, because the options of models are complete after static initialisation only.
const std::vector<ModelOptions>& small_models() {
    static const std::vector<ModelOptions> models{
        {"srcnn", 0, 0, true},  {"srcnn", 0, 0, false},    {"edsr", 2, 5, true},
        {"edsr", 1, 3, false},  {"edsr", 1, 16, true},     {"dcsrn", 2, 3, true},
        {"dcsrn", 1, 8, false}, unshuffled_edsr(1, 16, 2), unshuffled_edsr(1, 5, 3, false),
        {"lfmri", 0, 0, true}};
    return models;
}

/// EDSR's parameters by layer: head, two convolutions a block, body, tail.
std::int64_t edsr_parameters(std::int64_t depth, std::int64_t width) {
    const std::int64_t inner = 9 * width * width + width;
    return (9 * width + width) + 2 * depth * inner + inner + (9 * width + 1);
}

}  // namespace

TEST_CASE("the registry lists the models, and the error for an unknown name lists them too") {
    const auto models = model_registry().summaries();
    for (const char* name : {"srcnn", "edsr", "dcsrn", "lfmri"}) {
        REQUIRE(models.count(name) == 1);
        CHECK_FALSE(models.at(name).empty());
    }
    ParameterStore store;
    try {
        make_model({"vgg", 0, 0, true}, store);
        FAIL_CHECK("unknown model accepted");
    } catch (const Error& error) {
        for (const auto& [name, summary] : models)
            CHECK(std::string(error.what()).find(name) != std::string::npos);
        CHECK(std::string(error.what()).find("'vgg'") != std::string::npos);
    }
}

TEST_CASE("models have the papers' numbers of parameters") {
    ParameterStore srcnn, edsr, small;  // counted before any memory is reserved
    const auto first = make_model({"srcnn", 0, 0, true}, srcnn);
    CHECK(srcnn.elements(ParameterGroup::network) == 8129);
    const auto second = make_model({"edsr", 0, 0, true}, edsr);
    CHECK(second->options().depth == 32);
    CHECK(second->options().width == 256);
    CHECK(edsr.elements(ParameterGroup::network) == edsr_parameters(32, 256));
    CHECK(std::abs(static_cast<double>(edsr_parameters(32, 256)) / 1e6 - 38.36) < 0.005);
    const auto third = make_model({"edsr", 3, 7, true}, small);
    CHECK(small.elements(ParameterGroup::network) == edsr_parameters(3, 7));
    // The head reads 4 channels and the tail writes 4.
    ParameterStore low;
    const auto unshuffled = make_model(unshuffled_edsr(3, 7, 2), low);
    CHECK(low.elements(ParameterGroup::network) == edsr_parameters(3, 7) + 3 * 2 * 9 * 7 + 3);
    ParameterStore dcsrn;
    const auto fourth = make_model({"dcsrn", 0, 0, true}, dcsrn);
    CHECK(fourth->options().depth == 4);
    CHECK(fourth->options().width == 24);
    CHECK(fourth->receptive_radius() == 6);
    CHECK(dcsrn.elements(ParameterGroup::network) == 75025);
    CHECK(dcsrn.elements(ParameterGroup::buffers) == 672);
}

TEST_CASE("models refuse options and inputs that make no sense") {
    ParameterStore a, b, c, d;
    CHECK_THROWS_AS(make_model({"srcnn", 3, 0, true}, a), Error);
    CHECK_THROWS_AS(make_model({"srcnn", 0, 64, true}, b), Error);
    CHECK_THROWS_AS(make_model({"edsr", -1, 8, true}, c), Error);
    CHECK_THROWS_AS(make_model({"dcsrn", 2, -1, true}, d), Error);
    for (const nlohmann::json& refused : {nlohmann::json{{"name", "edsr"}, {"unshuffle", 17}},
                                          nlohmann::json{{"name", "edsr"}, {"residual_scale", 1e308 * 10}},
                                          nlohmann::json{{"name", "lfmri"}, {"width", 32}}}) {
        ParameterStore store;
        CHECK_THROWS_AS(make_model(model_options(refused), store), Error);
    }
    Network network({"srcnn", 0, 0, true}, DType::float32);
    CHECK_THROWS_AS(forward(*network.model, image_of({1, 8, 8, 3}, DType::float32)), Error);
    CHECK_THROWS_AS(forward(*network.model, image_of({8, 8, 1}, DType::float32)), Error);
    CHECK_THROWS_AS(forward(*network.model, image_of({1, 8, 8, 1}, DType::float64)), Error);
}

TEST_CASE("the output has the shape of the input for any size") {
    for (const ModelOptions& options : small_models()) {
        Network network(options, DType::float32);
        for (const Shape& shape :
             std::vector<Shape>{{1, 1, 1, 1}, {2, 5, 9, 1}, {1, 40, 40, 1}, {3, 1, 17, 1}}) {
            const Tensor input = network.input(shape[0], shape[1], shape[2]);
            CHECK(forward(*network.model, input).shape() == shape);
        }
    }
}

TEST_CASE("a model with a global skip starts as the identity") {
    for (const ModelOptions& options : small_models()) {
        Network network(options, DType::float32);
        const Tensor input = network.input(2, 11, 13);
        const bool identity = forward(*network.model, input).to_vector<float>() == input.to_vector<float>();
        CHECK(identity == network.model->options().global_skip);
    }
}

TEST_CASE("the global skip adds the input to what the network predicts") {
    for (const std::string name : {"srcnn", "edsr", "dcsrn"}) {
        const int depth = name == "srcnn" ? 0 : 1, width = name == "srcnn" ? 0 : 4;
        Network with({name, depth, width, true}, DType::float64),
            without({name, depth, width, false}, DType::float64);
        with.randomise();
        without.randomise();
        const Tensor input = image_of({1, 9, 7, 1}, DType::float64);
        auto expected = forward(*without.model, input).to_vector<double>();
        const auto x = input.to_vector<double>();
        for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += x[i];
        CHECK(reference::relative_error(forward(*with.model, input).to_vector<double>(), expected) < 1e-14);
    }
}

TEST_CASE("an input pixel changes output blocks at the receptive radius and none beyond it") {
    for (const ModelOptions& options : small_models()) {
        Network network(options, DType::float64);
        network.randomise();
        const int radius = network.model->receptive_radius();
        const std::int64_t block = network.model->pixel_block();
        INFO(options.name << ", radius " << radius << " blocks of " << block << " pixels");
        const std::int64_t side = (2 * radius + 7) * block, centre = side / 2,
                           channels = network.model->input_channels();
        Tensor input = network.input(1, side, side);
        const auto before = forward(*network.model, input).to_vector<double>();
        auto pixels = input.to_vector<double>();
        pixels[static_cast<std::size_t>((centre * side + centre + 1) * channels - 1)] += 0.5;
        input.copy_from(Tensor::from<double>(input.shape(), pixels));
        const auto after = forward(*network.model, input).to_vector<double>();
        std::int64_t reach = 0;
        for (std::int64_t y = 0; y < side; ++y)
            for (std::int64_t x = 0; x < side; ++x) {
                const auto i = static_cast<std::size_t>(y * side + x);
                if (before[i] != after[i])
                    reach = std::max(
                        {reach, std::abs(y / block - centre / block), std::abs(x / block - centre / block)});
            }
        CHECK(reach == radius);
    }
    ParameterStore store;
    CHECK(make_model({"srcnn", 0, 0, true}, store)->receptive_radius() == 6);
    // 2·2 + 3 layers of 3×3.
    ParameterStore low;
    const auto edsr = make_model(unshuffled_edsr(2, 4, 3), low);
    CHECK(edsr->pixel_block() == 3);
    CHECK(edsr->receptive_radius() == 7);
    CHECK(edsr->receptive_radius(4) == 28);
}

TEST_CASE("tiled inference is bitwise identical to inference on the whole image") {
    for (DType dtype : {DType::float32, DType::float64})
        for (const ModelOptions& options : small_models()) {
            Network network(options, dtype);
            network.randomise();
            const Tensor input = network.input(2, 37, 29);
            const Tensor whole = infer(*network.model, input);
            // The CUDA emulator is slow, and so is LFMRI, so they compute fewer tiles.
            const bool many_tiles = test_device().kind == DeviceKind::cpu && options.name != "lfmri";
            for (int tile :
                 many_tiles ? std::vector<int>{3, 8, 12, 13, 14, 29, 37, 64} : std::vector<int>{13, 29}) {
                INFO(options.name << ", " << to_string(dtype) << ", tile " << tile);
                const Tensor tiled = infer(*network.model, input, {.tile = tile});
                dispatch(dtype, [&]<class T>() {
                    CHECK(reference::relative_error(tiled.to_vector<T>(), whole.to_vector<T>()) <
                          8 * std::numeric_limits<T>::epsilon());
                    // In float64, for gradient checks only, Eigen's sums depend on the position of a pixel
                    // in a block.
                    if (dtype == DType::float32)
                        CHECK(reference::same_bits(tiled.to_vector<T>(), whole.to_vector<T>()));
                });
            }
        }
    Network network(small_models()[0], DType::float32);
    CHECK_THROWS_AS(infer(*network.model, image_of({1, 8, 8, 1}, DType::float32), {.tile = -1}), Error);
    CHECK_THROWS_AS(infer(*network.model, image_of({1, 8, 8, 1}, DType::float32), {.batch = -1}), Error);
}

TEST_CASE("inference is bitwise identical for every number of images and tiles per batch") {
    const bool on_cpu = test_device().kind == DeviceKind::cpu;
    for (const ModelOptions& options :
         {small_models()[0], ModelOptions{"edsr", 1, 8, true}, ModelOptions{"dcsrn", 2, 4, true},
          unshuffled_edsr(1, 8, 2), ModelOptions{"lfmri", 0, 0, true}}) {
        Network network(options, DType::float32);
        network.randomise();
        const Tensor input = on_cpu ? network.input(5, 37, 29) : network.input(3, 19, 17);
        const auto one_by_one = infer(*network.model, input, {.tile = 0, .batch = 1}).to_vector<float>();
        for (const InferenceOptions& o :
             {InferenceOptions{0, 0}, InferenceOptions{0, 2}, InferenceOptions{0, 9}, InferenceOptions{13, 0},
              InferenceOptions{13, 3}, InferenceOptions{13, 99}}) {
            INFO(options.name << ", tile " << o.tile << ", batch " << o.batch);
            CHECK(reference::same_bits(infer(*network.model, input, o).to_vector<float>(), one_by_one));
        }
    }
}

TEST_CASE("the batch is halved when memory runs out, and too little memory for one image is an error") {
    Network network(small_models()[0], DType::float32);
    network.randomise();
    const Tensor input = image_of({6, 20, 20, 1}, DType::float32);
    forget_peak_memory(test_device());
    const std::size_t in_use = arena_statistics(test_device()).bytes_in_use;
    const auto expected = infer(*network.model, input, {.tile = 0, .batch = 1}).to_vector<float>();
    const std::size_t for_one = arena_statistics(test_device()).peak_bytes_in_use - in_use,
                      for_two = 5 * for_one / 2, for_none = for_one / 3;
    const auto limited = [&](std::size_t bytes, int batch) {
        release_cached_memory(test_device());
        set_memory_limit(test_device(), arena_statistics(test_device()).bytes_held + bytes);
        try {
            const auto result = infer(*network.model, input, {.tile = 0, .batch = batch}).to_vector<float>();
            set_memory_limit(test_device(), static_cast<std::size_t>(-1));
            return result;
        } catch (...) {
            set_memory_limit(test_device(), static_cast<std::size_t>(-1));
            throw;
        }
    };
    for (int batch : {0, 1, 2, 6}) {
        INFO("batch " << batch);
        CHECK(reference::same_bits(limited(for_two, batch), expected));
        CHECK_THROWS_AS(limited(for_none, batch), OutOfMemory);
    }
    // With enough memory all images are computed at once; on a CUDA device batch 0 does so too.
    for (int batch : {6, 0}) {
        if (batch == 0 && test_device().kind == DeviceKind::cpu) continue;
        forget_peak_memory(test_device());
        CHECK(reference::same_bits(limited(10 * for_one, batch), expected));
        CHECK(arena_statistics(test_device()).peak_bytes_in_use - in_use > for_two);
    }
}

TEST_CASE("DCSRN starts with truncated normal weights of the published deviation") {
    Network network({"dcsrn", 0, 0, false}, DType::float64);
    const double deviation = std::sqrt(2.0 / (9 * 24));
    std::vector<double> weights;
    for (const auto& p : network.store.parameters()) {
        const auto values = p.value.to_vector<double>();
        if (p.shape.rank() == 4)
            weights.insert(weights.end(), values.begin(), values.end());
        else
            CHECK(values == std::vector<double>(
                                values.size(),
                                p.name.ends_with("gamma") || p.name.ends_with("running_var") ? 1.0 : 0.0));
    }
    CHECK(std::ranges::all_of(weights, [&](double w) { return std::abs(w) <= 2 * deviation; }));
    // A normal distribution truncated at 2σ has the deviation σ·√(1 − 4φ(2)/(2Φ(2) − 1)) = .8796 σ.
    const double measured = reference::norm(weights) / std::sqrt(static_cast<double>(weights.size()));
    CHECK(std::abs(measured / deviation - 0.8796) < 0.01);
}

TEST_CASE("DCSRN with zero weights in its dense units equals two convolutions") {
    Network network({"dcsrn", 2, 3, false}, DType::float64);
    network.randomise();
    std::map<std::string, Tensor> parameters;
    for (const auto& p : network.store.parameters()) {
        if (p.name.ends_with("conv.weight")) p.value.fill(0.0);
        parameters[p.name] = p.value;
    }
    // The tail reads 12 channels; the first 6 come from the head.
    const std::vector<double> tail = parameters.at("tail.weight").to_vector<double>();
    std::vector<double> of_head, masked = tail;
    for (std::size_t i = 0; i < tail.size(); ++i)
        if (i % 12 < 6)
            of_head.push_back(tail[i]);
        else
            masked[i] = 0.0;
    parameters.at("tail.weight").copy_from(Tensor::from<double>({1, 3, 3, 12}, masked));
    const Tensor input = image_of({2, 7, 9, 1}, DType::float64);
    Tape tape = Tape::inference();
    const Tensor head = conv2d(tape, input, parameters.at("head.weight"), parameters.at("head.bias"));
    const Tensor expected = conv2d(tape, head, Tensor::from<double>({1, 3, 3, 6}, of_head, test_device()),
                                   parameters.at("tail.bias"));
    const auto error = [&](Tape used) {
        return reference::relative_error(network.model->forward(used, input).to_vector<double>(),
                                         expected.to_vector<double>());
    };
    CHECK(error(Tape::inference()) < 1e-13);
    CHECK(error(Tape()) < 1e-13);
}

TEST_CASE("DCSRN inference approaches its training mode as the running statistics converge") {
    Network network({"dcsrn", 2, 4, false}, DType::float64);
    const Tensor input = image_of({2, 11, 9, 1}, DType::float64);
    const auto difference = [&] {
        Tape training;
        const auto trained = network.model->forward(training, input).to_vector<double>();
        return reference::relative_error(forward(*network.model, input).to_vector<double>(), trained);
    };
    const double first = difference();
    CHECK(first > 0.1);
    for (int step = 0; step < 200; ++step) difference();
    CHECK(difference() < 0.02 * first);  // biased and unbiased variances still differ
}
