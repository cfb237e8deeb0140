// A build that cannot use NCCL.
#include "base/error.hpp"
#include "tools/processes/nccl.hpp"

namespace dnsp::tools {

std::string nccl_obstacle() { return "this build has no NCCL"; }
std::string nccl_version() { throw Error(nccl_obstacle()); }
std::unique_ptr<Processes> join_by_nccl(Processes&, Device) { throw Error(nccl_obstacle()); }

}  // namespace dnsp::tools
