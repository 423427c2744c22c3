"""What becomes of the times: how much faster than the fastest peer."""
import statistics

# What is measured beside libraries and is none.
REFERENCES = ("memcpy", "peak")


def ratios(medians, name):
    """By thread count: the fastest peer's time over that of `name`, its fastest variant too.

    `medians` has (backend, variant, threads) as keys. 0 where only peers answered; nothing where none did.
    """
    found = {}
    for threads in sorted({key[2] for key in medians}):
        here = {key: value for key, value in medians.items() if key[2] == threads}
        ours = min((value for key, value in here.items() if key[0] == name), default=None)
        peer = min((value for key, value in here.items() if key[0] not in (name, *REFERENCES)),
                   default=None)
        if peer:
            found[threads] = peer / ours if ours else 0.0
    return found


def summary(name, rows):
    """The closing lines, from rows (section, threads, case, ratio)."""
    lines = [f"{name} against the fastest peer of each case (more than 1 is faster):"]
    for section in dict.fromkeys(row[0] for row in rows):
        for threads in sorted({row[1] for row in rows if row[0] == section}):
            here = [(ratio, case) for kind, count, case, ratio in rows if (kind, count) == (section, threads)]
            answered = [ratio for ratio, _ in here if ratio > 0]
            mean = f"{statistics.geometric_mean(answered):.2f}" if answered else "-"
            below = [sum(ratio < bound for ratio in answered) for bound in (1, 0.95)]
            lines.append(
                f"{section}, {threads} thread{'s' if threads > 1 else ''}: geometric mean {mean} over {len(answered)} "
                f"rows; {below[0]} below 1, {below[1]} below 0.95, {len(here) - len(answered)} without an answer")
            lines += [f"  {ratio:5.2f}  {case}" for ratio, case in sorted(r for r in here if r[0] > 0)[:5]]
    return "\n".join(lines)
