// OpenBLAS as a worker of the protocol in bench_peers.py: matrix products.

#include <cblas.h>

#include "products.hpp"
#include "serving.hpp"

namespace {

serving::Call build(const nlohmann::json &what, const std::string &) {
    if (what.at("sec") != "product") throw std::runtime_error("OpenBLAS is compared in products alone");
    auto product = std::make_shared<Product>(what);
    return [product] {
        Product &p = *product;
        cblas_sgemm(CblasRowMajor, p.transposesLeft ? CblasTrans : CblasNoTrans,
                    p.transposesRight ? CblasTrans : CblasNoTrans, p.rows, p.columns, p.inner, 1, p.left.data(),
                    p.leftStride(), p.right.data(), p.rightStride(), 0, p.result.data(), p.columns);
    };
}

}  // namespace

int main() {
    const char *text = std::getenv("PEER_THREADS");
    openblas_set_num_threads(text ? std::max(1, std::atoi(text)) : 1);
    const std::string info = std::string(openblas_get_config()) + ", kernels for " + openblas_get_corename();
    return serving::serve(info, {{"product", {"preallocated"}}}, build);
}
