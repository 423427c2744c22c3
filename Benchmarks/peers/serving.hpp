// The worker's side of the protocol in bench_peers.py, for workers in C++.
#pragma once

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace serving {

using Call = std::function<void()>;
using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Seconds that a call takes, sample by sample; with a pause of 0 or more, each sample is one call after that sleep.
inline std::vector<double> samples(const Call &call, double min_time, double pause) {
    call();
    auto start = Clock::now();
    call();
    const double one = seconds_since(start);
    const int count = pause >= 0 ? 1 : std::max(1, static_cast<int>(200e-6 / std::max(one, 1e-9)));
    std::vector<double> found;
    if (one > 0.2) found.push_back(one);
    const auto begin = Clock::now();
    while (found.size() < 2 || seconds_since(begin) < min_time) {
        if (pause > 0) std::this_thread::sleep_for(std::chrono::duration<double>(pause));
        start = Clock::now();
        for (int i = 0; i < count; ++i) call();
        found.push_back(seconds_since(start) / count);
    }
    std::vector<double> kept;  // A reply stays short.
    const size_t step = std::max<size_t>(1, found.size() / 400);
    for (size_t i = 0; i < found.size(); i += step) kept.push_back(found[i]);
    return kept;
}

/// Answers requests until standard input ends.
///
/// `info` describes the library, `variants` are the ways in which it runs the cases of each section, and `build` makes
/// what is timed from a case and a variant, or throws.
inline int serve(const std::string &info, const nlohmann::json &variants,
                 const std::function<Call(const nlohmann::json &, const std::string &)> &build) {
    using nlohmann::json;
    const char *text = std::getenv("PEER_THREADS");
    const int threads = text ? std::max(1, std::atoi(text)) : 1;
    omp_set_num_threads(threads);
    std::map<std::string, Call> built;
    for (std::string line; std::getline(std::cin, line);) {
        json reply = {{"ok", true}};
        try {
            const json request = json::parse(line);
            if (request.value("hello", false)) {
                reply["info"] = info + " threads=" + std::to_string(threads);
                reply["variants"] = variants;
            } else if (request.value("drop", false)) {
                built.clear();
            } else {
                const json &what = request.at("case");
                const auto variant = request.value("variant", std::string());
                const auto name = what.at("name").get<std::string>() + " " + variant;
                if (!built.count(name)) built[name] = build(what, variant);
                reply["samples"] =
                    samples(built[name], request.value("min_time", 0.15), request.value("pause", -1.0));
            }
        } catch (const std::exception &error) {
            reply = {{"ok", false}, {"error", error.what()}};
        }
        std::cout << reply.dump(-1, ' ', false, json::error_handler_t::replace) << std::endl;
    }
    return 0;
}

}  // namespace serving
