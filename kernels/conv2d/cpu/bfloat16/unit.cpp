#include "kernels/conv2d/cpu/bfloat16/unit.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/error.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

constexpr const Bfloat16Unit* all[] = {&amx_unit, &avx512_bf16_unit, &emulated_avx512_bf16_unit,
                                       &emulated_amx_unit};

const Bfloat16Unit* chosen() {
    if (const char* const wanted = std::getenv("DNSP_BFLOAT16"); wanted && *wanted != '\0') {
        std::string names;
        for (const Bfloat16Unit* const unit : all) {
            names += std::string(names.empty() ? "" : ", ") + unit->name;
            if (std::string(wanted) != unit->name) continue;
            require(unit->is_available(),
                    "[bfloat16] DNSP_BFLOAT16 is '" + std::string(wanted) + "', which this processor lacks");
            return unit;
        }
        throw Error("[bfloat16] DNSP_BFLOAT16 is '" + std::string(wanted) + "', expected one of " + names);
    }
    for (const Bfloat16Unit* const unit : all)
        if (unit->is_available() && unit->is_fast()) return unit;
    return nullptr;
}

std::optional<const Bfloat16Unit*>& of_process() {
    static std::optional<const Bfloat16Unit*> unit;
    return unit;
}

}  // namespace

std::span<const Bfloat16Unit* const> bfloat16_units() { return all; }

const Bfloat16Unit* bfloat16_unit() {
    auto& unit = of_process();
    if (!unit) unit = chosen();
    return *unit;
}

void set_bfloat16_unit(const Bfloat16Unit* unit) { of_process() = unit; }

}  // namespace dnsp::kernels::cpu::detail
