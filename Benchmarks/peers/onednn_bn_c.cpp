// One C entry point over oneDNN's batch normalization, for accuracy_peers.py: forward in training, and backward.

#include <oneapi/dnnl/dnnl.hpp>

using namespace dnnl;

// x, dy, y, dx: [N, C], or [N, C, H, W], plain (layout 0) or with the channels last in memory (layout 1); the rest [C].
// Returns 0, or 1 more than oneDNN's status.
extern "C" int onednn_bn(int n, int c, int h, int w, int layout, float epsilon, const float *x, const float *gamma,
                         const float *beta, const float *dy, float *y, float *mean, float *variance, float *dx,
                         float *dgamma, float *dbeta) {
    try {
        engine cpu(engine::kind::cpu, 0);
        stream queue(cpu);
        auto f32 = memory::data_type::f32;
        using tag = memory::format_tag;
        memory::desc batch = h * w == 1 ? memory::desc({n, c}, f32, tag::nc)
                                        : memory::desc({n, c, h, w}, f32, layout ? tag::nhwc : tag::nchw);
        memory::desc channels({c}, f32, tag::a);
        auto flags = normalization_flags::use_scale | normalization_flags::use_shift;
        auto training = prop_kind::forward_training;
#if DNNL_VERSION_MAJOR >= 3
        batch_normalization_forward::primitive_desc forward(cpu, training, batch, batch, epsilon, flags);
        batch_normalization_backward::primitive_desc backward(
            cpu, prop_kind::backward, batch, batch, batch, epsilon, flags, forward);
#else
        batch_normalization_forward::primitive_desc forward({training, batch, epsilon, flags}, cpu);
        batch_normalization_backward::primitive_desc backward(
            {prop_kind::backward, batch, batch, epsilon, flags}, cpu, forward);
#endif
        auto lend = [&](const memory::desc &description, const void *values) {
            return memory(description, cpu, const_cast<void *>(values));
        };
        batch_normalization_forward(forward).execute(
            queue, {{DNNL_ARG_SRC, lend(batch, x)},
                    {DNNL_ARG_DST, lend(batch, y)},
                    {DNNL_ARG_SCALE, lend(channels, gamma)},
                    {DNNL_ARG_SHIFT, lend(channels, beta)},
                    {DNNL_ARG_MEAN, lend(channels, mean)},
                    {DNNL_ARG_VARIANCE, lend(channels, variance)}});
        batch_normalization_backward(backward).execute(
            queue, {{DNNL_ARG_SRC, lend(batch, x)},
                    {DNNL_ARG_MEAN, lend(channels, mean)},
                    {DNNL_ARG_VARIANCE, lend(channels, variance)},
                    {DNNL_ARG_DIFF_DST, lend(batch, dy)},
                    {DNNL_ARG_SCALE, lend(channels, gamma)},
#if DNNL_VERSION_MAJOR < 3
                    {DNNL_ARG_SHIFT, lend(channels, beta)},  // 2.6 needs it, 3.x refuses it.
#endif
                    {DNNL_ARG_DIFF_SRC, lend(batch, dx)},
                    {DNNL_ARG_DIFF_SCALE, lend(channels, dgamma)},
                    {DNNL_ARG_DIFF_SHIFT, lend(channels, dbeta)}});
        queue.wait();
        return 0;
    } catch (const error &problem) {
        return static_cast<int>(problem.status) + 1;
    }
}
