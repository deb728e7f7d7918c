"""Benchmarks: `script/bench NAME`. Each runs ours and the yardstick in turn and prints ratios."""
