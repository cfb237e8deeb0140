#pragma once

#include <functional>

#include "engine/safetensors.hpp"
#include "training/initial_network.hpp"

namespace dnsp {

/// True for a file in the names of EDSR-PyTorch (Lim et al. 2017) that is not a file of this project.
bool is_pytorch_edsr(const TensorFile& file);

/// Reads EDSR in the names of EDSR-PyTorch: head.0, body.N.body.0 and .2, body.<blocks>, tail, and where
/// present sub_mean and add_mean; convolution weights [out, in, h, w].
/// - Head of one channel: as it is. Of f² channels: with unshuffle f, as it is. Of three: the weights are
///   summed over the channels, which is exact for a grey image. With `unshuffle` = f > 1 in `wanted`, a head
///   of one or three channels reads the mean of each f × f block.
/// - sub_mean and add_mean: the RGB means go into the biases of head and tail. Means above 1 tell intensities
///   from 0 to 255: all biases are divided by 255, so that intensities are from 0 to 1. Both are exact except
///   within the receptive field of the border, where the original pads with the mean and this network with 0.
/// - Tail without upsampler: three channels become their mean. A tail with upsampler is left out.
/// `wanted`: the options of the command line; `given` tells which of them are from there, by flag. The file
/// does not have the factor of the residual branches, so --residual-scale must be given, and --global-skip if
/// the tail is taken. Throws Error("path: reason") that names the tensor or the option.
InitialNetwork read_pytorch_edsr(const std::filesystem::path& path, TensorFile file,
                                 const ModelOptions& wanted,
                                 const std::function<bool(const std::string& flag)>& given);

}  // namespace dnsp
