#include "engine/parameters.hpp"

#include <cmath>

#include "base/divide_up.hpp"
#include "base/philox.hpp"

namespace dnsp {
namespace {

constexpr std::int64_t first_multiple = 16;  // 64 bytes of float32: every parameter starts on a cache line

/// FNV-1a. The random stream of a parameter depends on its name only, not on other parameters.
std::uint64_t stream_of(const std::string& name) {
    std::uint64_t hash = 14695981039346656037ull;
    for (unsigned char c : name) hash = (hash ^ c) * 1099511628211ull;
    return hash;
}

/// Draws numbers for element i until one lies within two standard deviations.
double truncated_normal(const Philox& random, std::uint64_t i) {
    for (std::uint64_t attempt = 0;; ++attempt) {
        const double value = random.normal(attempt << 40 | i);
        if (std::abs(value) <= 2.0) return value;
    }
}

double draw(const Initialiser& init, const Philox& random, std::uint64_t i) {
    const double mean = init.mean.empty() ? 0.0 : init.mean[i % init.mean.size()];
    switch (init.kind) {
        case Initialiser::Kind::uniform:
            return mean + init.scale * (2.0 * random.uniform(i) - 1.0);
        case Initialiser::Kind::normal:
            return mean + init.scale * random.normal(i);
        case Initialiser::Kind::truncated_normal:
            return mean + init.scale * truncated_normal(random, i);
        case Initialiser::Kind::zeros:
            break;
    }
    return mean;
}

}  // namespace

Initialiser Initialiser::he_uniform(std::int64_t fan_in) {
    return {Kind::uniform, 1.0 / std::sqrt(static_cast<double>(fan_in)), {}};
}

Initialiser Initialiser::normal(double standard_deviation, std::vector<double> mean) {
    return {Kind::normal, standard_deviation, std::move(mean)};
}

Initialiser Initialiser::truncated_normal(double standard_deviation) {
    return {Kind::truncated_normal, standard_deviation, {}};
}

std::size_t ParameterStore::add(std::string name, const Shape& shape, ParameterGroup group,
                                Initialiser initialiser) {
    require(!allocated(), "[ParameterStore] add() after allocate()");
    for (const auto& p : parameters_)
        require(p.name != name, "[ParameterStore] two parameters named " + name);
    parameters_.push_back({std::move(name), shape, group, std::move(initialiser), 0, {}});
    return parameters_.size() - 1;
}

void ParameterStore::allocate(DType dtype, Device device, std::uint64_t seed) {
    require(!allocated(), "[ParameterStore] allocate() twice");
    std::int64_t total = 0, trained = 0;
    for (std::size_t g = 0; g < segments_.size(); ++g) {
        const auto group = static_cast<ParameterGroup>(g);
        segments_[g].first = total;
        for (auto& p : parameters_) {
            if (p.group != group) continue;
            p.first = total;
            total += divide_up(p.shape.elements(), first_multiple) * first_multiple;
        }
        segments_[g].count = total - segments_[g].first;
        if (is_trained(group)) trained = total;
    }
    values_ = Tensor::zeros({total}, dtype, device);
    gradients_ = Tensor::zeros({trained}, dtype, device);
    for (auto& p : parameters_) {
        p.value = values_.view(p.first, p.shape);
        if (is_trained(p.group))
            p.value.require_gradient().gradient_slot()->value = gradients_.view(p.first, p.shape);
        const Philox random{seed, stream_of(p.name)};
        dispatch(dtype, [&]<class T>() {
            std::vector<T> values(static_cast<std::size_t>(p.shape.elements()));
            for (std::size_t i = 0; i < values.size(); ++i)
                values[i] = static_cast<T>(draw(p.initialiser, random, i));
            p.value.copy_from(Tensor::from<T>(p.shape, values, device));
        });
    }
}

std::int64_t ParameterStore::elements(ParameterGroup group) const {
    std::int64_t total = 0;
    for (const auto& p : parameters_)
        if (p.group == group) total += p.shape.elements();
    return total;
}

void ParameterStore::discard_gradients() {
    for (const auto& p : parameters_)
        if (const auto& slot = p.value.gradient_slot()) slot->written = false;
}

void ParameterStore::complete_gradients(std::int64_t first) {
    for (const auto& p : parameters_) {
        const auto& slot = p.value.gradient_slot();
        if (!slot || slot->written || p.first < first) continue;
        slot->value.fill(0.0);
        slot->written = true;
    }
}

}  // namespace dnsp
