// The entry points of libFuzzer. The environment variable DNSP_FUZZ_TARGET names the target.
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/fuzz_target.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* bytes, std::size_t size, std::size_t largest);

namespace {

const dnsp::fuzz::FuzzTarget& target() {
    static const dnsp::fuzz::FuzzTarget* chosen = [] {
        const char* name = std::getenv("DNSP_FUZZ_TARGET");
        const dnsp::fuzz::FuzzTarget* found = name == nullptr ? nullptr : dnsp::fuzz::find_fuzz_target(name);
        if (found == nullptr) {
            std::fprintf(stderr, "DNSP_FUZZ_TARGET must be one of:");
            for (const auto& known : dnsp::fuzz::fuzz_targets())
                std::fprintf(stderr, " %s", known.name.c_str());
            std::fprintf(stderr, "\n");
            std::exit(2);
        }
        return found;
    }();
    return *chosen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    target().run({bytes, size});
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* bytes, std::size_t size, std::size_t largest,
                                               unsigned seed) {
    if (target().mutate == nullptr) return LLVMFuzzerMutate(bytes, size, largest);
    return target().mutate(bytes, size, largest, seed, LLVMFuzzerMutate);
}
