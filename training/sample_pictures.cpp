#include "training/sample_pictures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "imaging/picture.hpp"

namespace dnsp {

namespace fs = std::filesystem;

fs::path sample_picture(const fs::path& run, std::size_t number, const std::string& what) {
    return run / "samples" / fmt::format("slice{}_{}.png", number, what);
}

std::string step_name(std::int64_t step) { return fmt::format("step{:06}", step); }

void write_sample_pictures(const fs::path& run, const std::vector<Validation::Slice>& samples,
                           const std::vector<imaging::Image>& images, const std::string& what) {
    fs::create_directories(run / "samples");
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const Subject& subject = *samples[i].subject;
        imaging::Image image = images.at(i);
        imaging::normalise(image.pixels, subject.reference_range);
        for (float& x : image.pixels) x = std::isfinite(x) ? 65535.0f * x : 0.0f;
        if (!imaging::is_picture_path(subject.path))
            for (int y = 0; y < image.height / 2; ++y)
                std::swap_ranges(&image.at(y, 0), &image.at(y, 0) + image.width,
                                 &image.at(image.height - 1 - y, 0));
        imaging::write_picture(sample_picture(run, i + 1, what), {std::move(image), 16});
    }
}

bool is_sampled(std::int64_t epoch, std::int64_t epochs) {
    const std::int64_t count = std::min(epochs, max_sampled_epochs);
    return epoch * count / epochs != (epoch - 1) * count / epochs;
}

}  // namespace dnsp
