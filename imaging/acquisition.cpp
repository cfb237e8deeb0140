#include "imaging/acquisition.hpp"

#include <array>

#include "imaging/bias_field.hpp"
#include "imaging/noise.hpp"

namespace dnsp::imaging {
namespace {

// Streams of random numbers under the seed of the noise, + the hash of the image.
constexpr std::uint64_t parameter_stream = 0x5041'5241'4d45'5445;
constexpr std::uint64_t bias_stream = 0x4249'4153'0000'0000;

BiasField bias_field_of(const Image& image, const Degradation& degradation) {
    return {degradation.bias_field, {degradation.noise_seed, bias_stream + content_hash(image)}};
}

/// The same acquisition with the kernel of another preset.
Degradation with_kernel(Degradation degradation, const char* preset) {
    const Degradation other = make_degradation(preset, degradation.scale);
    degradation.preset = preset;
    degradation.kernel = other.kernel;
    degradation.phase = other.phase;
    if (other.kernel != Degradation::Kernel::gaussian) degradation.sigma = other.sigma;
    return degradation;
}

Image middle_slice(const Volume& volume) { return extract_slice(volume, 2, volume.size[2] / 2); }

}  // namespace

Degradation drawn(const Degradation& degradation, const Philox& random) {
    if (!degradation.ranges) return degradation;
    const DegradationRanges& ranges = *degradation.ranges;
    Degradation one = degradation;
    one.ranges.reset();
    const auto draw = [&](double& value, const NumberOrRange& range, std::uint64_t number) {
        if (range.is_range()) value = range.at(random.uniform(number));
    };
    draw(one.sigma, ranges.sigma, 0);
    draw(one.noise, ranges.noise, 1);
    if (random.uniform(8) < ranges.noise_free) one.noise = 0.0;
    draw(one.bias_field, ranges.bias_field, 4);
    if (ranges.kernel) {
        one = with_kernel(one, random.uniform(5) < 0.5 ? "gaussian" : "kspace");
    }
    if (ranges.window && one.kernel == Degradation::Kernel::kspace) {
        constexpr std::array windows{KspaceWindow::none, KspaceWindow::hamming, KspaceWindow::fermi};
        one.window = windows[static_cast<std::size_t>(random.uniform(6) * windows.size())];
    }
    if (ThroughPlane* slices = one.through_plane ? &*one.through_plane : nullptr) {
        draw(slices->thickness, ranges.thickness, 2);
        if (ranges.spacing_is_thickness)
            slices->spacing = slices->thickness;
        else
            draw(slices->spacing, ranges.spacing, 3);
    }
    return one;
}

Degradation drawn_for(const Image& image, const Degradation& degradation) {
    if (!degradation.ranges) return degradation;
    return drawn(degradation, {degradation.noise_seed, parameter_stream + content_hash(image)});
}

Degradation drawn_for(const Volume& volume, const Degradation& degradation) {
    return drawn_for(middle_slice(volume), degradation);
}

NumberOrRange slice_spacing(const Degradation& degradation) {
    if (degradation.ranges) {
        const DegradationRanges& ranges = *degradation.ranges;
        const NumberOrRange& spacing = ranges.spacing_is_thickness ? ranges.thickness : ranges.spacing;
        if (spacing.is_range()) return spacing;
    }
    return degradation.through_plane->spacing;
}

Volume received(Volume volume, const Degradation& degradation) {
    if (degradation.bias_field > 0.0) multiply(volume, bias_field_of(middle_slice(volume), degradation));
    return volume;
}

Image received(Image image, const Degradation& degradation) {
    if (degradation.bias_field > 0.0) multiply(image, bias_field_of(image, degradation));
    return image;
}

Image network_image(const Image& target, const Degradation& degradation, double intensity_range,
                    double row_mm) {
    const Image low = degrade(target, degradation, intensity_range, row_mm);
    if (!degradation.through_plane) return enlarge(low, degradation);
    return resample(low, thin_slices(low.height, row_mm, degradation.through_plane->spacing, target.height),
                    identity_resampler(low.width));
}

}  // namespace dnsp::imaging
