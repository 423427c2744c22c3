#!/usr/bin/env python3
"""The tables of docs/Performance.md, from what bench_peers.py wrote with --json.

    markdown_tables.py peers.jsonl [--against norma] [--only 'bn-.*nhwc']

A table for each section and thread count: our median and that of the fastest peer in microseconds, the ratio of the two
(more than 1 is faster), and for normalizations our time over that of memcpy, where it was measured. For convolutions and products
the GFLOP/s of every library and variant, and our share of what peak reached. Of results of the same name the last holds.
"""
import argparse
import json
import re
import statistics

from peers.ratios import REFERENCES


def medians(section, cases, against):
    """Our median and that of the fastest peer, in microseconds, by case."""
    of_copy = " of memcpy |" if section == "norm" else ""
    print(f"| case | {against}, us | fastest peer, us | | ratio |" + of_copy)
    print("|---|--:|--:|---|--:|" + ("--:|" if section == "norm" else ""))
    ratios = []
    for case, times in cases.items():
        ours = min((time for key, time in times.items() if key[0] == against), default=None)
        peers = {key: time for key, time in times.items() if key[0] not in (against, *REFERENCES)}
        if not ours or not peers:
            continue
        best = min(peers, key=peers.get)
        ratios.append(peers[best] / ours)
        text = f"| {case} | {ours:.1f} | {peers[best]:.1f} | {' '.join(best)} | {ratios[-1]:.2f} |"
        if section == "norm":
            copy = times.get(("memcpy", "memcpy"))
            text += f" {ours / copy:.2f} |" if copy else " |"
        print(text)
    return ratios


def rates(cases, against):
    """GFLOP/s of ours and of every peer, by case."""
    def name(key):
        return " ".join(dict.fromkeys(key))
    keys = dict.fromkeys(key for case in cases.values() for key in case)
    peers = [key for key in keys if key[0] not in (against, *REFERENCES)]
    print(f"| case | {against} | of peak | " + " | ".join(map(name, peers)) + " | ratio |")
    print("|---|--:|--:|" + "--:|" * len(peers) + "--:|")
    ratios = []
    for case, found in cases.items():
        ours = max((rate for key, rate in found.items() if key[0] == against), default=None)
        best = max((found[key] for key in peers if key in found), default=None)
        if not ours or not best:
            continue
        ratios.append(ours / best)
        peak = found.get(("peak", "peak"))
        print(f"| {case} | {ours:.1f} | " + (f"{100 * ours / peak:.0f} %" if peak else "") + " | "
              + " | ".join(f"{found[key]:.1f}" if key in found else "" for key in peers) + f" | {ratios[-1]:.2f} |")
    return ratios


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("file")
    ap.add_argument("--against", default="norma")
    ap.add_argument("--only", default="", help="regular expression on case names")
    a = ap.parse_args()
    tables = {}
    for line in open(a.file):
        row = json.loads(line)
        if re.search(a.only, row["case"]):
            cases = tables.setdefault((row["sec"], row["threads"]), {})
            figure = row["gflops"] if "gflops" in row else row["median_s"] * 1e6
            cases.setdefault(row["case"], {})[row["backend"], row["variant"]] = figure
    for (section, threads), cases in sorted(tables.items(), key=lambda item: (item[0][0] != "norm", item[0])):
        print(f"\n{section}, {threads} thread{'s' if threads > 1 else ''}\n")
        ratios = rates(cases, a.against) if section in ("conv", "product") else medians(section, cases, a.against)
        if ratios:
            print(f"\nGeometric mean {statistics.geometric_mean(ratios):.2f} over {len(ratios)} rows, "
                  f"{sum(ratio < 1 for ratio in ratios)} below 1.")


if __name__ == "__main__":
    main()
