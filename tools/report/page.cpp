#include "tools/report/page.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/json.hpp"
#include "imaging/picture_encode.hpp"
#include "tools/report/pages.hpp"

namespace dnsp::tools {
namespace {

void insert(std::string& page, const std::string& mark, const std::string& text) {
    const std::size_t at = page.find(mark);
    require(at != std::string::npos, "[report] a page lacks " + mark);
    page.replace(at, mark.size(), text);
}

}  // namespace

std::string html_page(std::string page, const nlohmann::ordered_json& data) {
    std::string text = json_text(data);
    // "</script>" or "<!--" in a text would change how the page is read.
    for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos; at += 6)
        text.replace(at, 1, "\\u003c");
    insert(page, "@STYLE@", page_style);
    insert(page, "@SCRIPT@", page_script);
    insert(page, "@DATA@", text);  // the last one, because texts may contain marks
    return page;
}

std::string png_url(imaging::Image image, float low, float high) {
    for (float& x : image.pixels) x = std::clamp(255.0f * (x - low) / (high - low), 0.0f, 255.0f);
    const std::vector<std::byte> png = imaging::encode_png({std::move(image), 8}, "report");
    std::string text(4 * ((png.size() + 2) / 3) + 1, '\0');
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(png.data()), static_cast<int>(png.size()));
    text.resize(static_cast<std::size_t>(length));
    return "data:image/png;base64," + text;
}

}  // namespace dnsp::tools
