#include "tests/kernels/conv2d_stored_check.hpp"

using namespace dnsp;
using namespace dnsp::testing;

TEST_CASE("conv2d between images in bfloat16 rounds no more where wgmma takes the channels") {
    const WithOptions options({Conv2dBackend::native, Conv2dPrecision::bfloat16});
    check_stored<bfloat16, bfloat16>(On::cuda, {1, 5, 6, 64, 64, 3, 3}, 1e-4, 1e-4);
}

TEST_CASE("images are stored as bfloat16 if wgmma supports them and bfloat16 is selected") {
    using kernels::cuda::conv2d_stores_bfloat16;
    const bool hopper = simt::compute_capability() == 90;
    {
        const WithOptions options({Conv2dBackend::native, Conv2dPrecision::bfloat16});
        CHECK(conv2d_stores_bfloat16(64, 128) == hopper);
        CHECK_FALSE(conv2d_stores_bfloat16(64, 32));
        CHECK_FALSE(conv2d_stores_bfloat16(1, 64));
    }
    const WithOptions options({Conv2dBackend::native, Conv2dPrecision::tf32});
    CHECK_FALSE(conv2d_stores_bfloat16(64, 64));
}
