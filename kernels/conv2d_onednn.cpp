#include "kernels/conv2d_onednn.hpp"

#include <array>
#include <dnnl.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "kernels/require.hpp"

namespace dnsp::kernels::cpu::detail {
namespace {

using dnnl::memory;
using Desc = memory::desc;
using Tag = memory::format_tag;

dnnl::engine& engine() {
    static dnnl::engine instance(dnnl::engine::kind::cpu, 0);
    return instance;
}
dnnl::stream& stream() {
    static dnnl::stream instance(engine());
    return instance;
}

enum class Pass { forward, backward_input, backward_weight };

/// The three problems that oneDNN is asked for, in its vocabulary. The weight's layout is left to oneDNN (it
/// blocks it for the vector units); images stay NHWC.
struct Problem {
    Desc input, weight_plain, weight_any, bias, output;
    memory::dims padding_begin, padding_end, strides{1, 1};

    explicit Problem(const Conv2dShape& s)
        : input({s.batch, s.in_channels, s.height, s.width}, memory::data_type::f32, Tag::nhwc),
          weight_plain(weight_dims(s), memory::data_type::f32, Tag::ohwi),
          weight_any(weight_dims(s), memory::data_type::f32, Tag::any),
          bias({s.out_channels}, memory::data_type::f32, Tag::x),
          output({s.batch, s.out_channels, s.height, s.width}, memory::data_type::f32, Tag::nhwc),
          padding_begin{s.kernel_height / 2, s.kernel_width / 2},
          padding_end{s.kernel_height / 2, s.kernel_width / 2} {}

    static memory::dims weight_dims(const Conv2dShape& s) {
        return {s.out_channels, s.in_channels, s.kernel_height, s.kernel_width};
    }
};

dnnl::primitive_attr attributes(Activation activation) {
    dnnl::primitive_attr attr;
    if (activation == Activation::relu) {
        dnnl::post_ops post;
#if DNNL_VERSION_MAJOR >= 3
        post.append_eltwise(dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
#else
        post.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
#endif
        attr.set_post_ops(post);
    }
    return attr;
}

constexpr auto direct = dnnl::algorithm::convolution_direct;

dnnl::convolution_forward::primitive_desc forward_desc(const Problem& p, const dnnl::primitive_attr& attr) {
#if DNNL_VERSION_MAJOR >= 3
    return {engine(),
            dnnl::prop_kind::forward_training,
            direct,
            p.input,
            p.weight_any,
            p.bias,
            p.output,
            p.strides,
            p.padding_begin,
            p.padding_end,
            attr};
#else
    return {{dnnl::prop_kind::forward_training, direct, p.input, p.weight_any, p.bias, p.output, p.strides,
             p.padding_begin, p.padding_end},
            attr,
            engine()};
#endif
}

dnnl::convolution_backward_data::primitive_desc backward_input_desc(const Problem& p) {
    auto hint = forward_desc(p, {});
#if DNNL_VERSION_MAJOR >= 3
    return {engine(),  direct,          p.input,       p.weight_any, p.output,
            p.strides, p.padding_begin, p.padding_end, hint};
#else
    return {
        {direct, p.input, p.weight_any, p.output, p.strides, p.padding_begin, p.padding_end}, engine(), hint};
#endif
}

dnnl::convolution_backward_weights::primitive_desc backward_weight_desc(const Problem& p) {
    auto hint = forward_desc(p, {});
#if DNNL_VERSION_MAJOR >= 3
    return {engine(), direct,    p.input,         p.weight_any,  p.bias,
            p.output, p.strides, p.padding_begin, p.padding_end, hint};
#else
    return {{direct, p.input, p.weight_any, p.bias, p.output, p.strides, p.padding_begin, p.padding_end},
            engine(),
            hint};
#endif
}

/// A built convolution with its memory handles; the data pointers are set anew for every call.
struct Plan {
    dnnl::primitive primitive;
    dnnl::reorder weight_reorder;  // plain → blocked before a forward pass, blocked → plain after
    memory input, weight_plain, weight_blocked, bias, output;

    Plan(const Conv2dShape& shape, Pass pass, Activation activation) {
        Problem p(shape);
        Desc weight_desc;
        switch (pass) {
            case Pass::forward: {
                auto desc = forward_desc(p, attributes(activation));
                weight_desc = desc.weights_desc();
                primitive = dnnl::convolution_forward(desc);
                break;
            }
            case Pass::backward_input: {
                auto desc = backward_input_desc(p);
                weight_desc = desc.weights_desc();
                primitive = dnnl::convolution_backward_data(desc);
                break;
            }
            case Pass::backward_weight: {
                auto desc = backward_weight_desc(p);
                weight_desc = desc.diff_weights_desc();
                primitive = dnnl::convolution_backward_weights(desc);
                break;
            }
        }
        input = memory(p.input, engine(), nullptr);
        output = memory(p.output, engine(), nullptr);
        bias = memory(p.bias, engine(), nullptr);
        weight_plain = memory(p.weight_plain, engine(), nullptr);
        weight_blocked = memory(weight_desc, engine());
        weight_reorder = pass == Pass::backward_weight ? dnnl::reorder(weight_blocked, weight_plain)
                                                       : dnnl::reorder(weight_plain, weight_blocked);
    }
};

/// oneDNN memory handles are not const; it only reads what is an input of the primitive.
void* mutable_pointer(const float* pointer) { return const_cast<float*>(pointer); }

/// Plans are kept for the life of the process and used by one thread at a time.
class PlanCache {
  public:
    template <class Use>
    void with(const Conv2dShape& s, Pass pass, Activation activation, Use&& use) try {
        std::lock_guard lock(mutex_);
        const Key key{s.batch,
                      s.height,
                      s.width,
                      s.in_channels,
                      s.out_channels,
                      s.kernel_height,
                      s.kernel_width,
                      static_cast<int>(pass),
                      static_cast<int>(activation)};
        auto found = plans_.find(key);
        if (found == plans_.end()) {
            if (plans_.size() >= capacity) plans_.clear();
            found = plans_.emplace(key, std::make_unique<Plan>(s, pass, activation)).first;
        }
        use(*found->second);
        stream().wait();
    } catch (const dnnl::error& error) {
        throw Error(std::string("[conv2d] oneDNN refuses this convolution: ") + error.what());
    }

  private:
    static constexpr std::size_t capacity = 512;
    using Key = std::array<std::int64_t, 9>;
    std::mutex mutex_;
    std::map<Key, std::unique_ptr<Plan>> plans_;
};

PlanCache& plans() {
    static PlanCache cache;
    return cache;
}

}  // namespace

void onednn_forward(const Conv2dShape& shape, const float* input, const float* weight, const float* bias,
                    Activation activation, float* output) {
    plans().with(shape, Pass::forward, activation, [&](Plan& plan) {
        plan.input.set_data_handle(mutable_pointer(input));
        plan.weight_plain.set_data_handle(mutable_pointer(weight));
        plan.bias.set_data_handle(mutable_pointer(bias));
        plan.output.set_data_handle(output);
        plan.weight_reorder.execute(stream(), plan.weight_plain, plan.weight_blocked);
        plan.primitive.execute(stream(), {{DNNL_ARG_SRC, plan.input},
                                          {DNNL_ARG_WEIGHTS, plan.weight_blocked},
                                          {DNNL_ARG_BIAS, plan.bias},
                                          {DNNL_ARG_DST, plan.output}});
    });
}

void onednn_backward_input(const Conv2dShape& shape, const float* output_gradient, const float* weight,
                           float* input_gradient) {
    plans().with(shape, Pass::backward_input, Activation::none, [&](Plan& plan) {
        plan.output.set_data_handle(mutable_pointer(output_gradient));
        plan.weight_plain.set_data_handle(mutable_pointer(weight));
        plan.input.set_data_handle(input_gradient);
        plan.weight_reorder.execute(stream(), plan.weight_plain, plan.weight_blocked);
        plan.primitive.execute(stream(), {{DNNL_ARG_DIFF_DST, plan.output},
                                          {DNNL_ARG_WEIGHTS, plan.weight_blocked},
                                          {DNNL_ARG_DIFF_SRC, plan.input}});
    });
}

void onednn_backward_weight(const Conv2dShape& shape, const float* input, const float* output_gradient,
                            float* weight_gradient, float* bias_gradient) {
    plans().with(shape, Pass::backward_weight, Activation::none, [&](Plan& plan) {
        plan.input.set_data_handle(mutable_pointer(input));
        plan.output.set_data_handle(mutable_pointer(output_gradient));
        plan.weight_plain.set_data_handle(weight_gradient);
        plan.bias.set_data_handle(bias_gradient);
        plan.primitive.execute(stream(), {{DNNL_ARG_SRC, plan.input},
                                          {DNNL_ARG_DIFF_DST, plan.output},
                                          {DNNL_ARG_DIFF_WEIGHTS, plan.weight_blocked},
                                          {DNNL_ARG_DIFF_BIAS, plan.bias}});
        plan.weight_reorder.execute(stream(), plan.weight_blocked, plan.weight_plain);
    });
}

}  // namespace dnsp::kernels::cpu::detail
