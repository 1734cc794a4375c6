"""A table of ratios at the end of a benchmark run, from the median round of each way."""

from __future__ import annotations


def pytest_terminal_summary(terminalreporter, config):
    session = getattr(config, "_benchmarksession", None)
    rates: dict[tuple[str, int], dict[str, float]] = {}
    for bench in session.benchmarks if session else ():
        info = bench.extra_info
        if "loop" in info and bench.stats:
            rate = info["images"] / bench.stats.median
            rates.setdefault((info["norm"], info["batch_size"]), {})[info["loop"]] = rate
    if not rates:
        return
    terminalreporter.section("seconds per seed-epoch of 60,000 images, and how often ours fits in")
    for (norm, batch_size), found in sorted(rates.items()):
        best = max((name for name in found if name.startswith("stacked")), key=found.get)
        for name, rate in found.items():
            ratio = f"{found[best] / rate:5.1f}x" if name != best else "  ours"
            terminalreporter.write_line(
                f"{norm:>6} batch {batch_size:>4} {name:>22} {60_000 / rate:7.3f} s  {ratio}"
            )
