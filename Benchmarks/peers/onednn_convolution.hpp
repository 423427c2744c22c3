// oneDNN's convolution forward and the gradients of its input and weight, for its worker.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>
#include <string>

#include "onednn_prepared.hpp"

/// A convolution on images and results that have the channels last, or, blocked, on whatever oneDNN takes for the best.
/// The weights are always as oneDNN wants them.
inline std::shared_ptr<Prepared> convolution(const nlohmann::json &what, const std::string &variant) {
    using namespace dnnl;
    using tag = memory::format_tag;
    const auto shape = what.at("shape").get<memory::dims>();
    const auto outputs = what.at("outputs").get<memory::dim>(), size = what.at("window").get<memory::dim>(),
               stride = what.at("stride").get<memory::dim>();
    const auto pass = what.at("pass").get<std::string>();
    if (shape.size() != 4) throw std::runtime_error("a convolution is of [N, C, H, W]");
    for (auto length : {shape[0], shape[1], shape[2], shape[3], outputs, size, stride})
        if (length < 1) throw std::runtime_error("a length is 1 or more");
    if (pass != "fwd" && pass != "input" && pass != "weight") throw std::runtime_error("no pass '" + pass + "'");
    if (variant != "channels last" && variant != "blocked") throw std::runtime_error("no variant '" + variant + "'");

    const memory::dim around = size / 2;
    const memory::dims strides = {stride, stride}, padding = {around, around};
    auto length = [&](memory::dim image) { return (image + 2 * around - size) / stride + 1; };
    const tag order = variant == "blocked" ? tag::any : tag::nhwc;
    const auto f32 = memory::data_type::f32;
    const memory::desc x(shape, f32, order), w({outputs, shape[1], size, size}, f32, tag::any),
        y({shape[0], outputs, length(shape[2]), length(shape[3])}, f32, order);

    auto ready = std::make_shared<Prepared>();
    const auto direct = algorithm::convolution_direct;
    const auto training = prop_kind::forward_training;
#if DNNL_VERSION_MAJOR >= 3
    convolution_forward::primitive_desc forward(ready->cpu, training, direct, x, w, y, strides, padding, padding);
#else
    convolution_forward::primitive_desc forward({training, direct, x, w, y, strides, padding, padding}, ready->cpu);
#endif
    if (pass == "fwd") {
        ready->timed = convolution_forward(forward);
        ready->arguments = {{DNNL_ARG_SRC, ready->make(forward.src_desc())},
                            {DNNL_ARG_WEIGHTS, ready->make(forward.weights_desc())},
                            {DNNL_ARG_DST, ready->make(forward.dst_desc())}};
    } else if (pass == "input") {
#if DNNL_VERSION_MAJOR >= 3
        convolution_backward_data::primitive_desc backward(ready->cpu, direct, x, w, y, strides, padding, padding,
                                                           forward);
#else
        convolution_backward_data::primitive_desc backward({direct, x, w, y, strides, padding, padding}, ready->cpu,
                                                           forward);
#endif
        ready->timed = convolution_backward_data(backward);
        ready->arguments = {{DNNL_ARG_DIFF_DST, ready->make(backward.diff_dst_desc())},
                            {DNNL_ARG_WEIGHTS, ready->make(backward.weights_desc())},
                            {DNNL_ARG_DIFF_SRC, ready->make(backward.diff_src_desc())}};
    } else {
#if DNNL_VERSION_MAJOR >= 3
        convolution_backward_weights::primitive_desc backward(ready->cpu, direct, x, w, y, strides, padding, padding,
                                                              forward);
#else
        convolution_backward_weights::primitive_desc backward({direct, x, w, y, strides, padding, padding},
                                                              ready->cpu, forward);
#endif
        ready->timed = convolution_backward_weights(backward);
        ready->arguments = {{DNNL_ARG_SRC, ready->make(backward.src_desc())},
                            {DNNL_ARG_DIFF_DST, ready->make(backward.diff_dst_desc())},
                            {DNNL_ARG_DIFF_WEIGHTS, ready->make(backward.diff_weights_desc())}};
    }
    return ready;
}
