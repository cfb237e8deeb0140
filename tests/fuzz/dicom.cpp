// The reader of DICOM files, on one file.
#include "imaging/dicom/dicom.hpp"

#include <cmath>

#include "tests/fuzz/fuzz_target.hpp"

namespace dnsp::fuzz {
namespace {

void run(Bytes bytes) {
    static InputFile file("input.dcm");
    const auto& path = file.write(bytes);
    imaging::DicomSeries series;
    if (!accepts([&] { series = imaging::read_dicom(path); })) return;
    const imaging::Volume& volume = series.volume;
    std::size_t voxels = 1;
    for (const int side : volume.size) voxels *= static_cast<std::size_t>(side);
    expect(voxels == volume.voxels.size() && voxels > 0, "the number of voxels is not that of the header");
    for (const float value : volume.voxels) expect(std::isfinite(value), "an intensity that is not finite");
}

const FuzzTargetRegistration target{{"dicom", run, nullptr}};

}  // namespace
}  // namespace dnsp::fuzz
