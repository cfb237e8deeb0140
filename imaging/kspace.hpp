#pragma once

#include "imaging/resample.hpp"
#include "imaging/volume.hpp"

namespace dnsp::imaging {

/// A factor of the k-space samples that are kept, by r = |frequency|/(largest kept frequency), 0 … 1, on each
/// axis. Windows lower the ringing at edges and the resolution.
enum class KspaceWindow {
    none,
    hamming,  ///< .54 + .46 cos(πr)
    fermi     ///< 1/(1 + exp((r − .9)/.05)); radius and width are our choice
};

/// What a scanner does that measures the centre of k-space only: the samples of one axis are transformed, the
/// frequencies of at most size/scale cycles are kept and multiplied by the window, and transformed back to
/// size/scale samples. Rows are real: at the Nyquist frequency of an even number of samples only the negative
/// frequency is measured, and the imaginary part that this causes is dropped. The field of view is periodic,
/// not mirrored. Phase::center shifts the samples by a linear phase. A constant is kept. Throws FileError
/// unless size is a multiple of the scale.
AxisResampler kspace_cropper(int size, int scale, Phase phase, KspaceWindow window);

}  // namespace dnsp::imaging
