#include "layers/crop.hpp"

#include "engine/kernel_for.hpp"
#include "kernels/copy_rows.hpp"

namespace dnsp {

Tensor crop(Tape& tape, const Tensor& input, int axis, std::int64_t length) {
    require_one_device("crop", input);
    const Shape& s = input.shape();
    require(0 <= axis && axis < s.rank() && 0 < length && length <= s[axis],
            "[crop] expects at least " + std::to_string(length) + " entries in dimension " +
                std::to_string(axis) + ", got " + s.text());
    Shape cropped;
    for (int d = 0; d < s.rank(); ++d) cropped.append(d == axis ? length : s[d]);
    // A row holds the elements of the dimensions from `axis` on.
    std::int64_t rows = 1;
    for (int d = 0; d < axis; ++d) rows *= s[d];
    const std::int64_t long_row = s.elements() / rows, row = cropped.elements() / rows;
    Tensor output = Tensor::empty(cropped, input.dtype(), input.device());
    dispatch(input.dtype(), [&]<class T>() {
        DNSP_KERNEL_FOR(input.device(), copy_rows<T>)
        ({rows, row, long_row, row}, input.data<T>(), output.data<T>());
    });
    if (!tape.needs_gradient(input)) return output;
    tape.record(output, [=](const Tensor& output_gradient) {
        accumulate_gradient(input, [&](Tensor target) {
            target.fill(0.0);
            dispatch(target.dtype(), [&]<class T>() {
                DNSP_KERNEL_FOR(target.device(), copy_rows<T>)
                ({rows, row, row, long_row}, output_gradient.data<T>(), target.data<T>());
            });
        });
    });
    return output;
}

}  // namespace dnsp
