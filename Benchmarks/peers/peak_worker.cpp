// What the cores can compute, as a worker of the protocol: as many fused multiplications and additions as a convolution
// or a product has, on registers alone. Built for the machine it is built on.

#include <memory>
#include <stdexcept>

#include "serving.hpp"

namespace {

#if defined(__AVX512F__)
constexpr size_t bytes = 64;
#elif defined(__AVX__)
constexpr size_t bytes = 32;
#else
constexpr size_t bytes = 16;
#endif
typedef float Lanes __attribute__((vector_size(bytes)));

/// Enough sums that none waits for another: two units with a latency of up to five.
constexpr int sums = 12;

float compute(size_t rounds) {
    const Lanes factor = Lanes{} + 0.999f, term = Lanes{} + 0.001f;
    Lanes sum[sums];
    for (int i = 0; i < sums; ++i) sum[i] = Lanes{} + static_cast<float>(i);
    for (size_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
        for (int i = 0; i < sums; ++i) sum[i] = sum[i] * factor + term;
    }
    for (int i = 1; i < sums; ++i) sum[0] += sum[i];
    return sum[0][0];
}

size_t operations(const nlohmann::json &what) {
    const auto shape = what.at("shape").get<std::vector<size_t>>();
    if (what.at("sec") == "product") {
        if (shape.size() != 3) throw std::runtime_error("a product has 3 lengths");
        return shape[0] * shape[1] * shape[2];
    }
    size_t count = what.at("outputs").get<size_t>();
    const auto size = what.at("window").get<size_t>(), stride = what.at("stride").get<size_t>();
    if (shape.size() != 4 || size < 1 || stride < 1) throw std::runtime_error("no convolution of [N, C, H, W]");
    count *= shape[0] * shape[1] * size * size;
    for (int i : {2, 3}) count *= (shape[i] + size / 2 * 2 - size) / stride + 1;
    return count;
}

serving::Call multiply(const nlohmann::json &what, const std::string &) {
    const size_t count = operations(what);
    auto kept = std::make_shared<std::vector<float>>(256);
    return [kept, count] {
#pragma omp parallel
        {
            const size_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
            (*kept)[thread % kept->size()] = compute(count / (threads * sums * bytes / sizeof(float)));
        }
    };
}

}  // namespace

int main() {
    const auto ways = nlohmann::json::array({"peak"});
    return serving::serve("peak, vectors of " + std::to_string(bytes) + " bytes", {{"conv", ways}, {"product", ways}}, multiply);
}
