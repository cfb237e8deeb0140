#pragma once

#include <string>
#include <vector>

namespace dnsp::simt::host {

/// Something that threads of a block wait for. They become ready through Scheduler::release().
struct WaitList {
    std::vector<int> threads;

    WaitList() = default;
    WaitList(const WaitList&) = delete;
    WaitList& operator=(const WaitList&) = delete;
    virtual ~WaitList() = default;
    /// Continues "threads wait": " at …".
    virtual std::string description() const = 0;
};

}  // namespace dnsp::simt::host
