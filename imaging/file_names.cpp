#include "imaging/file_names.hpp"

namespace dnsp::imaging {

std::string lower_case(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

bool has_extension(const std::filesystem::path& path, const std::string& extension) {
    return lower_case(path.filename().string()).ends_with(extension);
}

std::string name_without_extension(const std::filesystem::path& path) {
    std::filesystem::path name = path.filename();
    if (lower_case(name.extension().string()) == ".gz") name.replace_extension();
    return name.replace_extension().string();
}

}  // namespace dnsp::imaging
