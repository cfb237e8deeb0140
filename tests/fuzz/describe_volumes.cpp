// Reads the volumes whose paths stand on standard input, one a line. Prints a JSON object for each: path,
// accepted, and either the reason or size, affine and notes. Writes the voxels of all its volumes as float32
// beside a file that it accepts.
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "imaging/geometry.hpp"
#include "imaging/volume_file.hpp"

int main() {
    using namespace dnsp;
    for (std::string path; std::getline(std::cin, path);) {
        nlohmann::json line{{"path", path}, {"accepted", true}};
        try {
            const std::vector<imaging::Volume> volumes = imaging::read_volumes(path);
            line["affine"] = imaging::voxel_to_world(volumes.front());
            line["size"] = volumes.front().size;
            line["volumes"] = volumes.size();
            line["notes"] = volumes.front().notes;
            std::ofstream voxels(path + ".f32", std::ios::binary);
            for (const imaging::Volume& volume : volumes)
                voxels.write(reinterpret_cast<const char*>(volume.voxels.data()),
                             static_cast<std::streamsize>(sizeof(float) * volume.voxels.size()));
        } catch (const std::exception& error) {
            line["accepted"] = false;
            line["reason"] = error.what();
        }
        std::cout << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
    }
}
