"""The worst of 48 kinds of question, end to end: CPU of a request, as a multiple of the mix's median."""

from pathlib import Path
from statistics import mean, median, quantiles

from bench.load import costs
from bench.nearby import serve
from bench.questions import mix, opened, scenarios, target
from bench.show import head, row

MIX, WARM_UP, EACH = 2_000, 500, 60
WORST = 5


def show(path: Path, count: int) -> None:
    with opened(path) as kinds, serve(path) as server:
        asked = [target(question, kinds) for question in mix(WARM_UP + MIX)]
        costs(server, asked[:WARM_UP])
        usual = [cost.cpu_ms for cost in costs(server, asked[WARM_UP:])]
        found = {}
        for name, questions in scenarios(EACH).items():
            found[name] = [cost.cpu_ms for cost in costs(server, [target(q, kinds) for q in questions])]
    head(f"48 scenarios at {count:,}", ["ms CPU", "× mix median"])
    middle = median(usual)
    row("mix: median", [f"{middle:.2f}", "1.0"])
    p99 = quantiles(usual, n=100)[98]
    row("mix: 99 of 100 below", [f"{p99:.2f}", f"{p99 / middle:.1f}"])
    by_cost = sorted(found, key=lambda name: mean(found[name]), reverse=True)
    for name in by_cost[:WORST]:
        row(name, [f"{mean(found[name]):.2f}", f"{mean(found[name]) / middle:.1f}"])
