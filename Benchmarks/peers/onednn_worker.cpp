// oneDNN as a worker of the protocol in bench_peers.py: batch and layer normalization, convolution and
// products, on memory made beforehand.
//
// A normalization's layout is that of the case: nchw is plain, nhwc is nhwc, and a matrix [N, C] is described as
// N x C x 1 x 1, nhwc, which oneDNN runs faster than as a matrix. What oneDNN 2.6 lacks, networks and group
// normalization, is refused.

#include <stdexcept>
#include <string>

#include "onednn_convolution.hpp"
#include "onednn_prepared.hpp"
#include "products.hpp"
#include "serving.hpp"

using namespace dnnl;
using nlohmann::json;

namespace {

constexpr float epsilon = 1e-5f;

/// A case's fields, checked.
struct Case {
    std::string norm, pass, layout;
    bool relu = false;
    memory::dims shape;

    explicit Case(const json &from) {
        if (from.at("sec") != "norm") throw std::runtime_error("oneDNN is compared in no networks");
        norm = from.at("norm").get<std::string>();
        pass = from.at("pass").get<std::string>();
        layout = from.at("layout").get<std::string>();
        relu = from.value("relu", false);
        shape = from.at("shape").get<memory::dims>();
        if (norm != "bn" && norm != "ln") throw std::runtime_error("this worker has no normalization '" + norm + "'");
        if (shape.size() != 2 && shape.size() != 4) throw std::runtime_error("a shape has 2 or 4 lengths");
        for (auto length : shape)
            if (length < 1) throw std::runtime_error("a length is 1 or more");
        if (relu && norm == "ln") throw std::runtime_error("oneDNN fuses no ReLU into layer normalization");
        if (pass != "fwd" && pass != "bwd" && pass != "infer") throw std::runtime_error("no pass '" + pass + "'");
    }

    memory::desc batch() const {
        memory::dims lengths = shape;
        if (norm == "bn") lengths.resize(4, 1);
        using tag = memory::format_tag;
        tag order = lengths.size() == 2 ? tag::nc : layout == "nchw" ? tag::nchw : tag::nhwc;
        return {lengths, memory::data_type::f32, order};
    }

    memory::desc channels() const { return {{shape[1]}, memory::data_type::f32, memory::format_tag::a}; }
};

std::shared_ptr<Prepared> batch_normalization(const Case &what) {
    auto ready = std::make_shared<Prepared>();
    const memory::desc batch = what.batch(), channels = what.channels();
    auto flags = normalization_flags::use_scale | normalization_flags::use_shift;
    if (what.relu) flags |= normalization_flags::fuse_norm_relu;
    if (what.pass == "infer") flags |= normalization_flags::use_global_stats;
    auto kind = what.pass == "infer" ? prop_kind::forward_inference : prop_kind::forward_training;
#if DNNL_VERSION_MAJOR >= 3
    batch_normalization_forward::primitive_desc forward(ready->cpu, kind, batch, batch, epsilon, flags);
#else
    batch_normalization_forward::primitive_desc forward({kind, batch, epsilon, flags}, ready->cpu);
#endif
    ready->arguments = {
        {DNNL_ARG_SRC, ready->make(batch)}, {DNNL_ARG_DST, ready->make(batch)},
        {DNNL_ARG_SCALE, ready->make(channels, 0.5)}, {DNNL_ARG_SHIFT, ready->make(channels)},
        {DNNL_ARG_MEAN, ready->make(channels)}, {DNNL_ARG_VARIANCE, ready->make(channels, 0.5)},
    };
    if (what.relu) ready->arguments[DNNL_ARG_WORKSPACE] = memory(forward.workspace_desc(), ready->cpu);
    ready->timed = batch_normalization_forward(forward);
    if (what.pass != "bwd") return ready;

    ready->run();
#if DNNL_VERSION_MAJOR >= 3
    batch_normalization_backward::primitive_desc backward(
        ready->cpu, prop_kind::backward, batch, batch, batch, epsilon, flags, forward);
#else
    batch_normalization_backward::primitive_desc backward(
        {prop_kind::backward, batch, batch, epsilon, flags}, ready->cpu, forward);
#endif
    ready->turn(batch, channels);
    ready->timed = batch_normalization_backward(backward);
    return ready;
}

std::shared_ptr<Prepared> layer_normalization(const Case &what) {
    if (what.shape.size() != 2 || what.pass == "infer")
        throw std::runtime_error("layer normalization is of [N, C], fwd or bwd");
    auto ready = std::make_shared<Prepared>();
    const memory::desc batch = what.batch(), channels = what.channels();
    const memory::desc rows({what.shape[0]}, memory::data_type::f32, memory::format_tag::a);
    auto flags = normalization_flags::use_scale | normalization_flags::use_shift;
    auto kind = prop_kind::forward_training;
#if DNNL_VERSION_MAJOR >= 3
    layer_normalization_forward::primitive_desc forward(ready->cpu, kind, batch, batch, rows, epsilon, flags);
#else
    layer_normalization_forward::primitive_desc forward({kind, batch, rows, epsilon, flags}, ready->cpu);
#endif
    ready->arguments = {
        {DNNL_ARG_SRC, ready->make(batch)}, {DNNL_ARG_DST, ready->make(batch)},
        {DNNL_ARG_SCALE, ready->make(channels, 0.5)}, {DNNL_ARG_SHIFT, ready->make(channels)},
        {DNNL_ARG_MEAN, ready->make(rows)}, {DNNL_ARG_VARIANCE, ready->make(rows, 0.5)},
    };
    ready->timed = layer_normalization_forward(forward);
    if (what.pass == "fwd") return ready;

    ready->run();
#if DNNL_VERSION_MAJOR >= 3
    layer_normalization_backward::primitive_desc backward(
        ready->cpu, prop_kind::backward, batch, batch, batch, rows, epsilon, flags, forward);
#else
    layer_normalization_backward::primitive_desc backward(
        {prop_kind::backward, batch, batch, rows, epsilon, flags}, ready->cpu, forward);
#endif
    ready->turn(batch, channels);
    ready->timed = layer_normalization_backward(backward);
    return ready;
}

serving::Call product(const json &request) {
    auto product = std::make_shared<Product>(request);
    return [product] {
        Product &p = *product;
        dnnl_sgemm(p.transposesLeft ? 'T' : 'N', p.transposesRight ? 'T' : 'N', p.rows, p.columns, p.inner, 1,
                   p.left.data(), p.leftStride(), p.right.data(), p.rightStride(), 0, p.result.data(), p.columns);
    };
}

serving::Call build(const json &request, const std::string &variant) {
    if (request.at("sec") == "product") return product(request);
    std::shared_ptr<Prepared> ready;
    if (request.at("sec") == "conv") {
        ready = convolution(request, variant);
    } else {
        const Case what(request);
        ready = what.norm == "bn" ? batch_normalization(what) : layer_normalization(what);
    }
    return [ready] { ready->run(); };
}

}  // namespace

int main() {
    const dnnl_version_t *version = dnnl_version();
    const std::string info = "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                             std::to_string(version->patch);
    const json variants = {{"norm", {"preallocated"}}, {"conv", {"channels last", "blocked"}},
                           {"product", {"preallocated"}}};
    return serving::serve(info, variants, build);
}
