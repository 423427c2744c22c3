// What every case of oneDNN's worker has.
#pragma once

#include <cstdint>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

/// What every case has: the engine, and memory filled with numbers in (lowest, lowest + 2).
struct Prepared {
    dnnl::engine cpu{dnnl::engine::kind::cpu, 0};
    dnnl::stream queue{cpu};
    dnnl::primitive timed;
    std::unordered_map<int, dnnl::memory> arguments;

    dnnl::memory make(const dnnl::memory::desc &description, float lowest = -1) {
        dnnl::memory result(description, cpu);
        auto *values = static_cast<float *>(result.get_data_handle());
        uint32_t state = 12345;
        for (size_t i = 0; i < description.get_size() / sizeof(float); ++i) {
            state = state * 1664525u + 1013904223u;
            values[i] = lowest + static_cast<float>(state >> 9) / static_cast<float>(1 << 22);
        }
        return result;
    }

    /// The timed pass, once.
    void run() {
        timed.execute(queue, arguments);
        queue.wait();
    }

    /// Exchanges the forward pass's arguments for those of the backward pass.
    void turn(const dnnl::memory::desc &batch, const dnnl::memory::desc &channels) {
        arguments.erase(DNNL_ARG_DST);
#if DNNL_VERSION_MAJOR >= 3
        arguments.erase(DNNL_ARG_SHIFT);  // 3.x refuses what 2.6 wants.
#endif
        arguments[DNNL_ARG_DIFF_DST] = make(batch);
        arguments[DNNL_ARG_DIFF_SRC] = make(batch);
        arguments[DNNL_ARG_DIFF_SCALE] = make(channels);
        arguments[DNNL_ARG_DIFF_SHIFT] = make(channels);
    }
};

