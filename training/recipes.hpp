#pragma once

#include <string>

#include "training/settings.hpp"

namespace dnsp {

/// Sets network, loss, optimiser schedule and length of training to those of a named recipe. Inputs,
/// degradation and seed are kept; the network depends on the scale of settings.degradation. Throws Error that
/// names the known recipes.
///   fast  a few minutes of two CPU cores
///   good  a quarter of an hour of two CPU cores
/// docs/results/recipes.md has what they reach.
void apply_recipe(const std::string& name, TrainingSettings& settings);

/// "name: summary; name: summary", for --help.
std::string recipe_help();

}  // namespace dnsp
