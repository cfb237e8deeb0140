#include "base/sha256.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <new>

#include "base/error.hpp"
#include "base/file_reader.hpp"

namespace dnsp {
namespace {

class Digest {
  public:
    Digest() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
        // OpenSSL 3 uses its global context without a check if there was no memory to set it up.
        if (!context_ || OSSL_LIB_CTX_get0_global_default() == nullptr) throw std::bad_alloc();
        require(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1, "OpenSSL",
                "SHA-256 is not available");
    }
    void add(const char* bytes, std::size_t count) { EVP_DigestUpdate(context_.get(), bytes, count); }
    std::string finish() {
        std::array<unsigned char, 32> digest;
        EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
        std::string text;
        for (const unsigned char byte : digest) text += fmt::format("{:02x}", byte);
        return text;
    }

  private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string sha256_of(const std::filesystem::path& path) {
    FileReader file(path);
    Digest digest;
    std::array<char, 1 << 16> buffer;
    while (const std::size_t got = file.read(buffer.data(), buffer.size())) digest.add(buffer.data(), got);
    return digest.finish();
}

std::string sha256_of_text(const std::string& bytes) {
    return sha256_of_bytes(std::as_bytes(std::span(bytes)));
}

std::string sha256_of_bytes(std::span<const std::byte> bytes) {
    Digest digest;
    digest.add(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return digest.finish();
}

}  // namespace dnsp
