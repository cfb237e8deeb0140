#pragma once

#include <gdcmImage.h>

#include <cstdint>
#include <filesystem>
#include <vector>

// GDCM aborts the program at some damaged files (assertions of Debian's build), and allocates what a header
// claims, up to 4 GiB for each element. Private to this folder and to the fuzz target of DICOM.
namespace dnsp::imaging {

struct DicomSeries;

/// False if a header claims more pixels than its file can hold, however they are compressed.
bool can_hold_its_pixels(const gdcm::Image& image, const std::filesystem::path& path);

/// Lets this process allocate that many bytes. It ends, with status 1, when it needs more.
void limit_memory(std::uintmax_t bytes);

/// Decodes a file and drops what it holds. May end the process by a signal.
void decode_and_drop(const std::filesystem::path& path);

/// Lets a child process decode all files. Throws FileError that names the file at which the child died.
void require_readable(const std::vector<std::filesystem::path>& files);

/// As read_dicom(), without require_readable().
DicomSeries read_dicom_unchecked(const std::vector<std::filesystem::path>& files,
                                 const std::filesystem::path& path, const std::string& series);

}  // namespace dnsp::imaging
