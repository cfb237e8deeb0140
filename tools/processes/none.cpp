// A build without MPI.
#include <fmt/format.h>

#include "base/error.hpp"
#include "tools/processes/join.hpp"
#include "tools/processes/launcher.hpp"

namespace dnsp::tools {

struct JoinedProcesses::State {};

JoinedProcesses::JoinedProcesses() {
    const int count = launched_processes();
    require(count <= 1,
            fmt::format("{} processes were started together, but this build has no MPI; build with "
                        "-DDNSP_MPI=ON",
                        count));
}
JoinedProcesses::~JoinedProcesses() = default;
bool JoinedProcesses::launched() const { return false; }
int JoinedProcesses::on_this_machine() const { return 0; }
Processes& JoinedProcesses::all() { return one_process(); }
std::string JoinedProcesses::connect(Device) { return "there is one process"; }
int JoinedProcesses::run(const std::function<int()>& body) { return body(); }
int JoinedProcesses::leave(int status) { return status; }

}  // namespace dnsp::tools
