// The reader of DICOM files, on one file. GDCM ends the process at some damaged files; read_dicom() starts a
// child process for that, which takes milliseconds. Here one child process decodes many inputs, until one of
// them ends it.
#include "imaging/dicom/dicom.hpp"

#include <gdcmTrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <csignal>
#include <cstring>
#include <random>

#include "imaging/dicom/readable.hpp"
#include "tests/fuzz/fuzz_target.hpp"

// Of the sanitizers' runtime: called before it ends the process. libFuzzer sets it to store the input.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace dnsp::fuzz {
namespace {

/// A child process that decodes the file at a path whenever it is asked.
class Decoder {
  public:
    explicit Decoder(std::filesystem::path path) : path_(std::move(path)) {}
    ~Decoder() { stop(); }
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    /// False if the present content of the file ends the child.
    bool survives() {
        if (child_ == 0) start();
        char byte = 0;
        const bool alive = write(request_, "", 1) == 1 && read(answer_, &byte, 1) == 1;
        if (!alive) stop();
        return alive;
    }

  private:
    void start() {
        int request[2], answer[2];
        expect(pipe(request) == 0 && pipe(answer) == 0, "no pipe can be opened");
        child_ = fork();
        expect(child_ >= 0, "no process can be started");
        if (child_ == 0) {
            close(request[1]);
            close(answer[0]);
            work(request[0], answer[1]);
        }
        close(request[0]);
        close(answer[1]);
        request_ = request[1];
        answer_ = answer[0];
    }

    [[noreturn]] void work(int request, int answer) {
        for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM})
            std::signal(signal, SIG_DFL);
        if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback([] { _exit(1); });
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
        char byte = 0;
        while (read(request, &byte, 1) == 1) {
            imaging::limit_memory(1 << 26);
            imaging::decode_and_drop(path_);
            if (write(answer, "", 1) != 1) break;
        }
        _exit(0);
    }

    void stop() {
        if (child_ == 0) return;
        close(request_);
        close(answer_);
        kill(child_, SIGKILL);
        waitpid(child_, nullptr, 0);
        child_ = 0;
    }

    std::filesystem::path path_;
    pid_t child_ = 0;
    int request_ = -1, answer_ = -1;
};

void run(Bytes bytes) {
    static InputFile file("input.dcm");
    const auto& path = file.write(bytes);
    if (!imaging::is_dicom(path)) return;
    static Decoder decoder(path);
    gdcm::Trace::WarningOff();
    gdcm::Trace::ErrorOff();
    if (!decoder.survives()) return;
    imaging::DicomSeries series;
    if (!accepts([&] { series = imaging::read_dicom_unchecked({path}, path, ""); })) return;
    const imaging::Volume& volume = series.volume;
    std::size_t voxels = 1;
    for (std::size_t axis = 0; axis < 3; ++axis) {
        voxels *= static_cast<std::size_t>(volume.size[axis]);
        expect(std::isfinite(volume.voxel_size_mm[axis]) && volume.voxel_size_mm[axis] > 0,
               "an impossible voxel size");
    }
    expect(voxels == volume.voxels.size() && voxels > 0, "the number of voxels is not that of the header");
    for (const float value : volume.voxels) expect(std::isfinite(value), "an intensity that is not finite");
}

/// Sets an element of text that holds numbers (DS, IS), or a 16-bit number (US), to a value on which readers
/// stumble.
std::size_t mutate(std::uint8_t* bytes, std::size_t size, std::size_t largest, unsigned seed,
                   Mutation mutation) {
    std::minstd_rand random(seed);
    const auto draw = [&](std::size_t count) { return static_cast<std::size_t>(random() / 7 % count); };
    std::vector<std::size_t> places;
    if (draw(3) > 0)
        for (std::size_t at = 132; at + 8 < size; ++at) {
            const auto is = [&](const char* kind) { return std::memcmp(bytes + at + 4, kind, 2) == 0; };
            if (is("DS") || is("IS") || is("US")) places.push_back(at);
        }
    if (places.empty()) return mutation(bytes, size, largest);
    const std::size_t at = places[draw(places.size())], start = at + 8;
    const std::size_t length = std::min<std::size_t>(bytes[at + 6] + 256U * bytes[at + 7], size - start);
    if (bytes[at + 4] == 'U' && length >= 2) {
        constexpr std::array<unsigned, 10> values = {0, 1, 2, 8, 12, 16, 255, 256, 32768, 65535};
        const unsigned value = values[draw(values.size())];
        bytes[start] = static_cast<std::uint8_t>(value);
        bytes[start + 1] = static_cast<std::uint8_t>(value >> 8);
        return size;
    }
    constexpr std::array<const char*, 16> texts = {"0",   "-1",  "1",   "1e30",  "1e-30", "1e300",
                                                   "nan", "inf", "1e9", "+1.50", "1,5",   "2x",
                                                   "\\",  "0.5", "-0",  ""};
    // Keeps the number of values: one of them, between backslashes, becomes another text, cut or padded.
    std::vector<std::size_t> starts = {start};
    for (std::size_t i = start; i < start + length; ++i)
        if (bytes[i] == '\\') starts.push_back(i + 1);
    const std::size_t from = starts[draw(starts.size())];
    std::size_t to = from;
    while (to < start + length && bytes[to] != '\\') ++to;
    const std::string text = texts[draw(texts.size())];
    for (std::size_t i = from; i < to; ++i)
        bytes[i] = static_cast<std::uint8_t>(i - from < text.size() ? text[i - from] : ' ');
    return size;
}

const FuzzTargetRegistration target{{"dicom", run, mutate}};

}  // namespace
}  // namespace dnsp::fuzz
