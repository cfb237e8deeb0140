#pragma once

#include <functional>
#include <memory>
#include <string>

#include "training/processes.hpp"

namespace dnsp::tools {

/// The processes that mpirun started together. CMake links mpi.cpp (DNSP_MPI) or none.cpp.
class JoinedProcesses {
  public:
    /// Joins the other processes, or none if a launcher did not start this one. All but the first are silent
    /// from then on. Throws Error if a launcher started several processes and this build has no MPI.
    JoinedProcesses();
    ~JoinedProcesses();
    JoinedProcesses(const JoinedProcesses&) = delete;
    JoinedProcesses& operator=(const JoinedProcesses&) = delete;

    /// True if a launcher started this process.
    bool launched() const;
    /// The number of this process among those on its machine.
    int on_this_machine() const;
    Processes& all();

    /// Called by all, with the device of each. From then on, all() sends arrays on GPUs by NCCL, if every
    /// process has a GPU of its own and finds the library. Else they travel through the memory of the
    /// machines. Returns how, as text for the user.
    std::string connect(Device device);

    /// Runs `body`. An exception of a process other than the first is thrown again with the number of the
    /// process, after a second, in which an error of the first one ends all.
    int run(const std::function<int()>& body);

    /// Ends the work together. If `status` is neither 0 nor 130 (interrupted), the other processes are ended.
    int leave(int status);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace dnsp::tools
