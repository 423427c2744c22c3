// The machine's own speed as a worker of the protocol: a copy of the case's tensor, on as many threads.

#include <cstring>
#include <memory>
#include <stdexcept>

#include "serving.hpp"

namespace {

serving::Call copy(const nlohmann::json &what, const std::string &) {
    size_t count = 1;
    for (size_t length : what.at("shape").get<std::vector<size_t>>()) count *= length;
    if (count == 0 || count > size_t{1} << 31) throw std::runtime_error("no tensor that can be copied");
    auto from = std::make_shared<std::vector<float>>(count, 1.0f);
    auto to = std::make_shared<std::vector<float>>(count);
    return [from, to, count] {
#pragma omp parallel
        {
            const size_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
            const size_t begin = count * thread / threads, end = count * (thread + 1) / threads;
            std::memcpy(to->data() + begin, from->data() + begin, (end - begin) * sizeof(float));
        }
    };
}

}  // namespace

int main() {
    const auto ways = nlohmann::json::array({"memcpy"});
    return serving::serve("memcpy", {{"norm", ways}}, copy);
}
