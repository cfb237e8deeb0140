#include "kernels/simt/host/symbol_names.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

namespace dnsp::simt::host {
namespace {

/// `count` records from byte `offset` of a file on; empty if there are fewer.
template <class Record>
std::vector<Record> read(std::ifstream& file, std::uint64_t offset, std::uint64_t count) {
    std::vector<Record> records(count);
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(reinterpret_cast<char*>(records.data()), static_cast<std::streamsize>(count * sizeof(Record)));
    return file ? records : std::vector<Record>{};
}

/// The symbol that contains an address relative to the start of the file's image.
std::string mangled_name(const char* path, std::uint64_t address) {
    std::ifstream file(path, std::ios::binary);
    if (!file) file.open("/proc/self/exe", std::ios::binary);  // a program's path may be relative
    const auto header = read<Elf64_Ehdr>(file, 0, 1);
    if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0 ||
        header[0].e_ident[EI_CLASS] != ELFCLASS64)
        return "";
    const auto sections = read<Elf64_Shdr>(file, header[0].e_shoff, header[0].e_shnum);
    for (const Elf64_Shdr& section : sections) {
        if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size()) continue;
        const Elf64_Shdr& names = sections[section.sh_link];
        const auto text = read<char>(file, names.sh_offset, names.sh_size);
        for (const auto& symbol :
             read<Elf64_Sym>(file, section.sh_offset, section.sh_size / sizeof(Elf64_Sym)))
            if (const auto type = ELF64_ST_TYPE(symbol.st_info);
                (type == STT_FUNC || type == STT_OBJECT) && address >= symbol.st_value &&
                address - symbol.st_value < symbol.st_size && symbol.st_name < text.size())
                return text.data() + symbol.st_name;
    }
    return "";
}

}  // namespace

std::string symbol_name(const void* address) {
    Dl_info file{};
    if (dladdr(address, &file) == 0) return "";
    // Addresses in a program that is not position-independent are absolute.
    const auto absolute = reinterpret_cast<std::uintptr_t>(address);
    std::string name =
        mangled_name(file.dli_fname, absolute - reinterpret_cast<std::uintptr_t>(file.dli_fbase));
    if (name.empty()) name = mangled_name(file.dli_fname, absolute);
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> demangled(
        abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), std::free);
    return status == 0 ? demangled.get() : name;
}

}  // namespace dnsp::simt::host
