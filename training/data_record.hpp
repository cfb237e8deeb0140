#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "training/split.hpp"

// The data of a run by their content, so that a run resumes after its files have moved or have other names.
// Checkpoints hold it (dnsp.data); weights do not, because it would reveal who trained.
namespace dnsp {

struct DataFile {
    std::string file;                        ///< name, for messages
    std::string content, low_content;        ///< as in Subject
    bool trains = false, validates = false;  ///< both: a single subject that is split by slices
};
using DataRecord = std::vector<DataFile>;

/// The subjects of a split: first those that train, in their order.
DataRecord data_record(const Split& split);

nlohmann::json to_json(const DataRecord& record);
/// Throws nlohmann::json::exception for JSON of another form.
DataRecord data_record_of(const nlohmann::json& json);

/// The recorded split of `subjects`, in the recorded order, whatever their paths. Throws Error that names the
/// first file whose content differs, is missing, or was not in the run. Copies of a single subject that is
/// split by slices are left out.
Split recorded_split(std::vector<Subject> subjects, const DataRecord& record);

}  // namespace dnsp
