#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dnsp::statistics {

/// A record of a CSV file and the line on which it starts, from 1.
struct CsvRecord {
    int line = 0;
    std::vector<std::string> fields;
};

/// The records of a CSV file (RFC 4180): fields are separated by commas; a field in double quotes may contain
/// commas, line breaks and doubled quotes. Lines end with LF or CRLF. Empty lines and a UTF-8 byte order mark
/// are skipped. Throws FileError for a file that cannot be read, and for quotes that RFC 4180 does not allow.
std::vector<CsvRecord> read_csv(const std::filesystem::path& path);

/// A field as it is written: in double quotes if it needs them.
std::string csv_field(const std::string& text);

}  // namespace dnsp::statistics
