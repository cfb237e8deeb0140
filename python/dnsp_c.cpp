#include "python/dnsp_c.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "base/options_json.hpp"
#include "engine/kernel_for.hpp"
#include "inference/shipped_weights.hpp"
#include "inference/through_plane_upscaler.hpp"
#include "inference/upscaler.hpp"
#include "kernels/elementwise.hpp"
#include "priors/loss_term.hpp"
#include "training/subject.hpp"

using namespace dnsp;

namespace {

thread_local std::string reason;

/// Runs `body`. Returns 0, or 1 with the reason of its exception.
template <class Body>
int guarded(const Body& body) {
    try {
        body();
        return 0;
    } catch (const std::bad_alloc&) {
        reason = "out of memory";
    } catch (const std::exception& error) {
        reason = error.what();
    } catch (...) {
        reason = "unknown error";
    }
    return 1;
}

imaging::Volume volume_of(const dnsp_volume& given) {
    imaging::Volume volume;
    volume.path = "volume";
    std::size_t count = 1;
    for (std::size_t axis = 0; axis < 3; ++axis) {
        require(given.size[axis] >= 2, "volume: fewer than two voxels along an axis");
        require(given.voxel_mm[axis] > 0.0, "volume: a voxel size is not positive");
        volume.size[axis] = given.size[axis];
        volume.voxel_size_mm[axis] = given.voxel_mm[axis];
        count *= static_cast<std::size_t>(given.size[axis]);
    }
    volume.voxels.assign(given.voxels, given.voxels + count);
    for (const float x : volume.voxels) require(std::isfinite(x), "volume: holds NaN or infinite values");
    return volume;
}

void require_axis(std::int32_t axis) { require(axis >= 0 && axis < 3, "axis: expected 0, 1 or 2"); }

std::vector<std::string> terms_without_filters() {
    std::vector<std::string> names;
    for (const auto& [name, summary] : term_registry().summaries())
        if (name != "filter_measure" && name != "learned_sharpness") names.push_back(name);
    return names;
}

template <class T>
void write_scaled(const Tensor& gradient, double scale, const Tensor& out) {
    DNSP_KERNEL_FOR(out.device(), scale<T>)(gradient.elements(), scale, gradient.data<T>(), out.data<T>());
}

}  // namespace

extern "C" {

const char* dnsp_version(void) { return DNSP_VERSION; }
const char* dnsp_error(void) { return reason.c_str(); }
void dnsp_free(dnsp_volume* volume) {
    std::free(volume->voxels);
    volume->voxels = nullptr;
}

int dnsp_slice_axis(const dnsp_volume* volume, std::int32_t* axis) {
    return guarded([&] { *axis = imaging::default_slice_axis(volume_of(*volume)); });
}

int dnsp_choose_weights(const char* folder, const dnsp_volume* given, std::int32_t axis, std::int32_t scale,
                        char* name) {
    return guarded([&] {
        require_axis(axis);
        const imaging::Volume volume = volume_of(*given);
        const auto weights = list_weights(folder);
        const ShippedWeights& best = best_weights(
            weights, folder, scale == 1 ? imaging::Direction::through_plane : imaging::Direction::in_plane,
            scale, fine_detail_db(volume, axis));
        require(best.name.size() < 256, best.name + ": the name is too long");
        std::strcpy(name, best.name.c_str());
    });
}

int dnsp_upscale(const dnsp_volume* given, std::int32_t axis, const char* weights, double new_voxel_mm,
                 dnsp_volume* result) {
    return guarded([&] {
        require_axis(axis);
        const imaging::Volume low = volume_of(*given);
        Upscaler network(load_network(weights, Device{}));
        const auto nothing = [](int) {};
        imaging::Volume high;
        if (network.degradation().through_plane) {
            high = ThroughPlaneUpscaler(std::move(network), new_voxel_mm).upscale(low, axis, nothing);
        } else {
            require(new_voxel_mm == 0.0, "voxel_mm: the weights are in-plane, where the scale decides");
            high = network.upscale(low, axis, nothing);
        }
        const std::size_t bytes = high.voxels.size() * sizeof(float);
        result->voxels = static_cast<float*>(std::malloc(bytes));
        if (result->voxels == nullptr) throw std::bad_alloc();
        std::memcpy(result->voxels, high.voxels.data(), bytes);
        for (std::size_t a = 0; a < 3; ++a) {
            result->size[a] = high.size[a];
            result->voxel_mm[a] = high.voxel_size_mm[a];
        }
    });
}

const char* dnsp_terms(void) {
    static const std::string names = [] {
        std::string text;
        for (const std::string& name : terms_without_filters()) text += (text.empty() ? "" : " ") + name;
        return text;
    }();
    return names.c_str();
}

int dnsp_term(const char* name, const char* options, std::int32_t is_double, std::int32_t cuda,
              const std::int64_t shape[3], const void* output, const void* target, double* value,
              void* gradient) {
    return guarded([&] {
        const auto known = terms_without_filters();
        require(std::find(known.begin(), known.end(), name) != known.end(),
                std::string(name) + ": unknown term; known are " + dnsp_terms());
        OptionSet set = term_registry().default_options();
        OptionReader reader(nlohmann::json::parse(options));
        set.visit(reader);
        require(reader.unknown_key().empty(), std::string(name) + ": unknown option " + reader.unknown_key());
        ParameterStore no_filters;
        TermContext context(set, no_filters);
        const auto term = term_registry().make(name, context);

        const Device device = cuda < 0 ? Device{} : choose_device("cuda:" + std::to_string(cuda)).device;
        const DType dtype = is_double != 0 ? DType::float64 : DType::float32;
        const Shape images{shape[0], shape[1], shape[2], 1};
        // The engine does not write to inputs.
        const Tensor y = Tensor::borrow(images, dtype, device, const_cast<void*>(output));
        const Tensor truth =
            target == nullptr ? y : Tensor::borrow(images, dtype, device, const_cast<void*>(target));
        const TermValue found = term->evaluate({y, truth, y});
        *value = 0.0;
        for (const double x : found.values.to_vector<double>()) *value += found.scale * x;
        const Tensor out = Tensor::borrow(images, dtype, device, gradient);
        dispatch(dtype,
                 [&]<class T>() { write_scaled<T>(found.gradients.front().gradient, found.scale, out); });
    });
}

}  // extern "C"
