#pragma once

#include <nlohmann/json.hpp>

#include "training/settings.hpp"

namespace dnsp::tools {

/// The settings in the log of a run. Throws Error for a setting of the wrong type or an unknown one.
TrainingSettings logged_settings(const nlohmann::json& json);

/// All settings in groups: [{"name", "rows": [{"name", "help", "value", "default"}]}]. "name" is the flag of
/// an option, or its key. A row has "default" if its value is another one. `on_cuda`: of the run.
nlohmann::ordered_json settings_table(const TrainingSettings& settings, bool on_cuda);

}  // namespace dnsp::tools
