#include "imaging/picture.hpp"

#include "imaging/resample.hpp"
#include "tests/imaging/fixtures.hpp"

using namespace dnsp::imaging;
using namespace dnsp::testing;

TEST_CASE("pictures have the values that Pillow and pypng wrote") {
    for (const auto& json : expected()["pictures"]) {
        const std::string name = json["name"];
        INFO(name);
        const Picture picture = read_picture(fixture(name));
        CHECK(picture.bits == json["bits"].get<int>());
        // JPEG decoders may round the cosine transform differently.
        const double tolerance = name.ends_with(".png") ? 1e-2 : 2.0;
        CHECK(largest_difference(picture.image, image_of(json)) <= tolerance);
    }
}

TEST_CASE("a grey PNG round trip is exact at both depths") {
    const Scratch scratch;
    for (const std::string name : {"grey8.png", "grey16.png"}) {
        const Picture picture = read_picture(fixture(name));
        write_picture(scratch.file(name), picture);
        const Picture copy = read_picture(scratch.file(name));
        CHECK(copy.bits == picture.bits);
        CHECK(largest_difference(copy.image, picture.image) == 0.0);
    }
    CHECK(scratch.entries() == 2);
}

TEST_CASE("colour is written as red, green and blue by BT.601, and read back") {
    const Scratch scratch;
    const double colors[][3] = {{255, 0, 0},   {0, 255, 0},  {0, 0, 255},
                                {10, 200, 30}, {77, 77, 77}, {0, 1, 254}};
    for (const int bits : {8, 16}) {
        const double gain = bits == 16 ? 257.0 : 1.0;
        Picture picture{Image(2, 3), bits, Image(2, 3), Image(2, 3)};
        for (std::size_t i = 0; i < 6; ++i) {
            const double red = gain * colors[i][0], green = gain * colors[i][1], blue = gain * colors[i][2];
            const double luma = 0.299 * red + 0.587 * green + 0.114 * blue;
            picture.image.pixels[i] = static_cast<float>(luma);
            picture.cb.pixels[i] = static_cast<float>((blue - luma) / 1.772);
            picture.cr.pixels[i] = static_cast<float>((red - luma) / 1.402);
        }
        write_picture(scratch.file("color.png"), picture);
        const Picture copy = read_picture(scratch.file("color.png"));
        CHECK((copy.bits == bits && copy.has_color() && copy.notes.empty()));
        // Red, green and blue are whole numbers, so that nothing is rounded.
        CHECK(largest_difference(copy.image, picture.image) <= 1e-2);
        CHECK(largest_difference(copy.cb, picture.cb) <= 1e-2);
        CHECK(largest_difference(copy.cr, picture.cr) <= 1e-2);
        CHECK_FALSE(read_grey_picture(scratch.file("color.png")).has_color());
    }
    Picture wrong{Image(2, 3, 1.0f), 8, Image(2, 3), Image(3, 3)};
    CHECK(contains(complaint([&] { write_picture(scratch.file("a.png"), wrong); }), "another size"));
}

TEST_CASE("colour is enlarged like the luma, and a grey picture stays grey") {
    Picture low{Image(4, 5), 8, Image(4, 5), Image(4, 5)};
    for (std::size_t i = 0; i < 20; ++i) {
        low.cb.pixels[i] = static_cast<float>(i * i % 7);
        low.cr.pixels[i] = static_cast<float>(i * i % 11);
    }
    for (const Phase phase : {Phase::center, Phase::corner}) {
        Picture high{Image(12, 15)};
        enlarge_color(high, low, phase);
        CHECK(largest_difference(high.cb, enlarge_bicubic(low.cb, 3, phase)) == 0.0);
        CHECK(largest_difference(high.cr, enlarge_bicubic(low.cr, 3, phase)) == 0.0);
    }
    Picture grey{Image(8, 10)};
    enlarge_color(grey, Picture{Image(4, 5)}, Phase::center);
    CHECK_FALSE(grey.has_color());
}

TEST_CASE("values are rounded and clamped") {
    const Scratch scratch;
    Picture picture{Image(1, 6), 8};
    picture.image.pixels = {-5.0f, 0.4f, 0.6f, 254.5f, 300.0f, 1e9f};
    write_picture(scratch.file("a.png"), picture);
    CHECK(read_picture(scratch.file("a.png")).image.pixels == std::vector<float>{0, 0, 1, 255, 255, 255});
    picture.bits = 16;
    write_picture(scratch.file("a.png"), picture);
    CHECK(read_picture(scratch.file("a.png")).image.pixels == std::vector<float>{0, 0, 1, 255, 300, 65535});
}

TEST_CASE("JPEGs are written with 8 bits for every depth") {
    const Scratch scratch;
    Picture picture = read_picture(fixture("wave.jpg"));
    const Image original = picture.image;
    write_picture(scratch.file("a.JPG"), picture);
    CHECK(largest_difference(read_picture(scratch.file("a.JPG")).image, original) <= 8.0);
    for (float& pixel : picture.image.pixels) pixel *= 257.0f;
    picture.bits = 16;
    write_picture(scratch.file("b.jpeg"), picture);
    CHECK(largest_difference(read_picture(scratch.file("b.jpeg")).image, original) <= 8.0);
}

TEST_CASE("bad pictures are refused in one sentence with their path") {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"bad_truncated.png", "truncated PNG"},   {"bad_no_end.png", "truncated PNG"},
        {"bad_checksum.png", "checksum"},         {"bad_data.png", "cannot be decoded"},
        {"bad_truncated.jpg", "truncated JPEG"},  {"bad_no_end.jpg", "truncated JPEG"},
        {"bad_empty.png", "empty file"},          {"bad_text.png", "neither a PNG nor a JPEG"},
        {"bad_constant.png", "every pixel is 9"}, {"missing.png", "no such file"},
    };
    for (const auto& [name, reason] : cases) {
        INFO(name);
        const std::string sentence = complaint([path = fixture(name)] { read_picture(path); });
        INFO(sentence);
        CHECK(contains(sentence, fixture(name).string() + ": "));
        CHECK(contains(sentence, reason));
    }
    CHECK(contains(complaint([] { read_picture(fixture("")); }), "is a folder"));
}

TEST_CASE("a JPEG truncated at any byte is refused") {
    const Scratch scratch;
    for (const std::string name : {"wave.jpg", "wave_progressive.jpeg", "grey8.png"}) {
        const std::string whole = contents(fixture(name));
        for (std::size_t length = 1; length < whole.size(); ++length) {
            put(scratch.file("cut"), whole.substr(0, length));
            const std::string sentence = complaint([&] { read_picture(scratch.file("cut")); });
            if (contains(sentence, scratch.file("cut").string())) continue;
            FAIL(name << " cut to " << length << " bytes: " << sentence);
        }
    }
}

// The decoder wrote beyond its tables for the first, and took a gigabyte for the second.
TEST_CASE("a JPEG with impossible tables or more pixels than its bytes can hold is refused") {
    const Scratch scratch;
    const std::string whole = contents(fixture("wave.jpg"));
    const auto refusal = [&](const std::string& marker, std::size_t offset, const std::string& bytes) {
        const std::size_t at = whole.find(marker);
        REQUIRE(at != std::string::npos);
        put(scratch.file("a.jpg"), std::string(whole).replace(at + offset, bytes.size(), bytes));
        return complaint([&] { read_picture(scratch.file("a.jpg")); });
    };
    // DHT: marker, length (2 bytes), class and number, then the counts of codes of 1 … 16 bits.
    const std::string huffman = "\xff\xc4", frame = "\xff\xc0";
    CHECK(contains(refusal(huffman, 5, "\x03"), "Huffman"));          // three codes of one bit
    CHECK(contains(refusal(huffman, 5 + 15, "\xff"), "Huffman"));     // more codes than the segment holds
    CHECK(contains(refusal(huffman, 2, std::string(2, 0)), "JPEG"));  // a segment shorter than its length
    // SOS: marker, length, number of components, number of the first, its tables.
    CHECK(contains(refusal("\xff\xda", 6, "\x01"), "lacks a Huffman table"));  // AC table 1
    CHECK(contains(refusal("\xff\xda", 6, "\x30"), "lacks a Huffman table"));  // DC table 3
    // SOF0: marker, length, precision, then height and width.
    CHECK(contains(refusal(frame, 5, "\xf8\x06\x40\x07"), "16391×63494 pixels"));
}

TEST_CASE("pictures that cannot be written are refused") {
    const Scratch scratch;
    const Picture picture = read_picture(fixture("grey8.png"));
    CHECK(contains(complaint([&] { write_picture(scratch.file("a.tiff"), picture); }), "a.tiff: "));
    CHECK(contains(complaint([&] { write_picture(scratch.file("a.png"), {picture.image, 12}); }), "not 12"));
    CHECK(contains(complaint([&] { write_picture(scratch.file("a.png"), {Image(), 8}); }), "0×0"));
    CHECK(contains(complaint([&] { write_picture(scratch.file("a.png"), {Image(3, 3, NAN), 8}); }), "NaN"));
    CHECK(contains(complaint([&] { write_picture(scratch.file("no/a.png"), picture); }), "No such file"));
    CHECK(scratch.entries() == 0);
    CHECK(is_picture_path("a.PNG"));
    CHECK(is_picture_path("a.b.Jpeg"));
    CHECK_FALSE(is_picture_path("a.nii.gz"));
}
