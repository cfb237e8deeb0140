#include "training/pytorch_edsr.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/options_json.hpp"
#include "base/sha256.hpp"

namespace dnsp {
namespace {

constexpr double byte_range = 255.0;

/// A convolution of the file. Weight: [out, in, side, side].
struct Convolution {
    std::int64_t out = 0, in = 0, side = 0;
    std::vector<double> weight, bias;
    double at(std::int64_t o, std::int64_t i, std::int64_t tap) const {
        return weight[static_cast<std::size_t>((o * in + i) * side * side + tap)];
    }
};

class Reader {
  public:
    Reader(const std::filesystem::path& path, TensorFile file) : path_(path), file_(std::move(file)) {}

    [[noreturn]] void fail(const std::string& reason) const { throw Error(path_.string() + ": " + reason); }
    bool has(const std::string& name) const { return file_.tensors.contains(name); }

    /// "<name>.weight" and "<name>.bias". A number of channels of 0 is read from the file.
    Convolution convolution(const std::string& name, std::int64_t out, std::int64_t in,
                            std::int64_t side = 3) {
        const Tensor& weight = tensor(name + ".weight");
        const Shape& s = weight.shape();
        if (s.rank() == 4 && out == 0) out = s[0];
        if (s.rank() == 4 && in == 0) in = s[1];
        Convolution c{out, in, side, values(name + ".weight", {out, in, side, side}), {}};
        c.bias = values(name + ".bias", {out});
        return c;
    }
    void ignore(const std::string& prefix) {
        for (const auto& [name, tensor] : file_.tensors)
            if (name.starts_with(prefix)) known_.insert(name);
    }
    void require_no_other_tensors() const {
        for (const auto& [name, tensor] : file_.tensors)
            if (!known_.contains(name)) fail(fmt::format("holds the unknown tensor '{}'", name));
    }

  private:
    const Tensor& tensor(const std::string& name) {
        const auto found = file_.tensors.find(name);
        if (found == file_.tensors.end()) fail(fmt::format("lacks the tensor '{}'", name));
        known_.insert(name);
        return found->second;
    }
    std::vector<double> values(const std::string& name, const Shape& shape) {
        const Tensor& found = tensor(name);
        if (!(found.shape() == shape))
            fail(fmt::format("tensor '{}' expected {}, got {}", name, shape.text(), found.shape().text()));
        return dispatch(found.dtype(), [&]<class T>() {
            const std::vector<T> stored = found.to_vector<T>();
            if (!std::ranges::all_of(stored, [](T x) { return std::isfinite(x); }))
                fail(fmt::format("tensor '{}' holds NaN or Inf", name));
            return std::vector<double>(stored.begin(), stored.end());
        });
    }

    std::filesystem::path path_;
    TensorFile file_;
    std::set<std::string> known_;
};

/// The shifts of sub_mean or add_mean; zeros if the file has none. Throws Error for one that also scales.
std::vector<double> shifts(Reader& reader, const std::string& name, std::int64_t channels) {
    std::vector<double> none(static_cast<std::size_t>(channels), 0.0);
    if (!reader.has(name + ".bias") && !reader.has(name + ".weight")) return none;
    const Convolution shift = reader.convolution(name, channels, channels, 1);
    for (std::int64_t o = 0; o < channels; ++o)
        for (std::int64_t i = 0; i < channels; ++i)
            if (std::abs(shift.at(o, i, 0) - (o == i ? 1.0 : 0.0)) > 1e-6)
                reader.fail(fmt::format("tensor '{}.weight' expected the identity", name));
    return shift.bias;
}

/// Adds "<name>.weight" [out, h, w, in] and "<name>.bias". Biases are divided by `range`.
void add(InitialNetwork& network, const std::string& name, const Convolution& c, double range) {
    std::vector<float> weight, bias;
    for (std::int64_t o = 0; o < c.out; ++o)
        for (std::int64_t tap = 0; tap < c.side * c.side; ++tap)
            for (std::int64_t i = 0; i < c.in; ++i) weight.push_back(static_cast<float>(c.at(o, i, tap)));
    for (const double b : c.bias) bias.push_back(static_cast<float>(b / range));
    network.tensors[name + ".weight"] = Tensor::from<float>({c.out, c.side, c.side, c.in}, weight);
    network.tensors[name + ".bias"] = Tensor::from<float>({c.out}, bias);
}

/// A head that reads `channels` channels with equal values instead of its own, shifted by `shift`.
Convolution grey_head(const Convolution& head, const std::vector<double>& shift, std::int64_t channels) {
    Convolution grey{head.out, channels, head.side, {}, head.bias};
    const std::int64_t taps = head.side * head.side;
    for (std::int64_t o = 0; o < head.out; ++o) {
        std::vector<double> sum(static_cast<std::size_t>(taps), 0.0);
        for (std::int64_t i = 0; i < head.in; ++i)
            for (std::int64_t tap = 0; tap < taps; ++tap) {
                const double w = head.at(o, i, tap);
                sum[static_cast<std::size_t>(tap)] += w;
                grey.bias[static_cast<std::size_t>(o)] += w * shift[static_cast<std::size_t>(i)];
            }
        for (std::int64_t i = 0; i < channels; ++i)
            for (const double w : sum) grey.weight.push_back(w / static_cast<double>(channels));
    }
    return grey;
}

/// A tail of one channel, the mean of all channels after their shift.
Convolution grey_tail(const Convolution& tail, const std::vector<double>& shift) {
    const auto channels = static_cast<double>(tail.out);
    Convolution grey{
        1, tail.in, tail.side, std::vector<double>(tail.weight.size() / shift.size(), 0.0), {0.0}};
    for (std::size_t k = 0; k < tail.weight.size(); ++k)
        grey.weight[k % grey.weight.size()] += tail.weight[k] / channels;
    for (std::size_t c = 0; c < shift.size(); ++c) grey.bias[0] += (tail.bias[c] + shift[c]) / channels;
    return grey;
}

/// f for f² channels, 1 for grey and RGB.
int unshuffle_of(Reader& reader, std::int64_t head_channels) {
    if (head_channels == 3) return 1;
    const auto f = static_cast<int>(std::lround(std::sqrt(static_cast<double>(head_channels))));
    if (std::int64_t{f} * f != head_channels)
        reader.fail(fmt::format(
            "tensor 'head.0.weight' has {} input channels; expected 1, 3 or a square number", head_channels));
    return f;
}

}  // namespace

bool is_pytorch_edsr(const TensorFile& file) {
    return !file.metadata.contains("dnsp.kind") && file.tensors.contains("head.0.weight") &&
           file.tensors.contains("body.0.body.0.weight");
}

InitialNetwork read_pytorch_edsr(const std::filesystem::path& path, TensorFile file,
                                 const ModelOptions& wanted,
                                 const std::function<bool(const std::string& flag)>& given) {
    Reader reader(path, std::move(file));
    Convolution head = reader.convolution("head.0", 0, 0);
    const std::int64_t width = head.out, image_channels = head.in;
    int depth = 0, unshuffle = unshuffle_of(reader, image_channels);
    while (reader.has(fmt::format("body.{}.body.0.weight", depth))) ++depth;

    // Scale 1 of EDSR-PyTorch has an empty upsampler as tail.0.
    const bool upsamples = reader.has("tail.0.0.weight");
    const std::string tail = reader.has("tail.1.weight") && !upsamples ? "tail.1" : "tail.0";
    const bool one_image = unshuffle == 1;  // its channels are those of an image, not pixels of a block
    const auto sub = one_image ? shifts(reader, "sub_mean", image_channels) : std::vector<double>{};
    const auto plus = one_image ? shifts(reader, "add_mean", image_channels) : std::vector<double>{};
    double largest = 0.0;
    for (const double shift : sub) largest = std::max(largest, std::abs(shift));
    const double range = largest > 1.0 ? byte_range : 1.0;

    const auto require_given = [&](const std::string& flag, const std::string& meaning) {
        if (!given(flag)) reader.fail(fmt::format("does not say {}; give {}", meaning, flag));
    };
    require_given("--residual-scale",
                  "the factor of the residual branches (EDSR-PyTorch: 1 for 64 channels, 0.1 for 256)");
    if (!upsamples) require_given("--global-skip", "whether the network adds its input to its output");
    if (one_image && upsamples) unshuffle = to_json(wanted).at("unshuffle").get<int>();

    InitialNetwork network{.model = wanted, .path = path, .sha256 = sha256_of(path)};
    OptionReader options({{"name", "edsr"}, {"depth", depth}, {"width", width}, {"unshuffle", unshuffle}});
    network.model.visit(options);

    if (one_image) head = grey_head(head, sub, std::int64_t{unshuffle} * unshuffle);
    add(network, "head", head, range);
    for (int block = 0; block < depth; ++block)
        for (const int layer : {0, 1})
            add(network, fmt::format("blocks.{}.conv{}", block, layer + 1),
                reader.convolution(fmt::format("body.{}.body.{}", block, 2 * layer), width, width), range);
    add(network, "body", reader.convolution(fmt::format("body.{}", depth), width, width), range);
    if (upsamples) {
        reader.ignore("tail.");
    } else {
        const Convolution last = reader.convolution(tail, image_channels, width);
        add(network, "tail", one_image ? grey_tail(last, plus) : last, range);
    }
    reader.require_no_other_tensors();

    network.description = fmt::format("EDSR of PyTorch, {} blocks of {} channels", depth, width);
    if (image_channels == 3) network.description += "; three channels became one, for grey images";
    if (range > 1.0) network.description += "; intensities from 0 to 255 became 0 to 1";
    network.description += upsamples ? "; its upsampling tail has no counterpart: the tail starts anew"
                                     : "; all layers are taken";
    return network;
}

}  // namespace dnsp
