// A matrix product of the protocol, for the workers that have one.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

/// Rows by inner by columns: both factors as they lie, the right one transposed (x·Wᵀ), or the left one (the weights' gradient).
struct Product {
    long rows, inner, columns;
    bool transposesLeft, transposesRight;
    std::vector<float> left, right, result;

    explicit Product(const nlohmann::json &what) {
        const auto shape = what.at("shape").get<std::vector<long>>();
        const auto pass = what.at("pass").get<std::string>();
        if (shape.size() != 3) throw std::runtime_error("a product has 3 lengths");
        for (auto length : shape)
            if (length < 1) throw std::runtime_error("a length is 1 or more");
        if (pass != "plain" && pass != "transposed" && pass != "weight") throw std::runtime_error("no pass '" + pass + "'");
        rows = shape[0], inner = shape[1], columns = shape[2];
        transposesLeft = pass == "weight", transposesRight = pass == "transposed";
        left = numbers(rows * inner), right = numbers(inner * columns), result = numbers(rows * columns);
    }

    /// The distance between the rows of a factor as it is stored.
    long leftStride() const { return transposesLeft ? rows : inner; }
    long rightStride() const { return transposesRight ? inner : columns; }

private:
    static std::vector<float> numbers(long count) {
        std::vector<float> result(count);
        uint32_t state = 12345;
        for (auto &value : result) {
            state = state * 1664525u + 1013904223u;
            value = static_cast<float>(state >> 9) / static_cast<float>(1 << 22) - 1;
        }
        return result;
    }
};
