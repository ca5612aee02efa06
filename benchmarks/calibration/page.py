"""docs/calibration.md: what was simulated, what came out, what does not hold."""

from collections.abc import Callable, Iterable, Sequence

from benchmarks.calibration.groups import TAKE_OFF, GroupRates
from benchmarks.calibration.simulation import Cell, Outcome

Found = Sequence[tuple[Cell, Outcome]]
_HEAD = (
    "| {} | cells | arm's interval covers | lowest cell | highest cell | difference covers | lowest cell | false positives | highest cell "
)
_HEAD += "| before: t over seeds covers | before: bootstrap's false positives |\n|:---|" + "---:|" * 10


def page(found: Found, graded: Found, groups: Sequence[GroupRates], *, repetitions: int) -> str:
    """The whole page as Markdown, of cells with right and wrong and with graded answers."""
    inside = [(cell, outcome) for cell, outcome in found if not cell.is_beyond]
    beyond = [(cell, outcome) for cell, outcome in found if cell.is_beyond]
    parts = [
        _TEXT.format(cells=len(inside), repetitions=repetitions, error=f"{100 * (0.05 * 0.95 / repetitions) ** 0.5:.1f}"),
        _table("seeds", inside, lambda cell: str(cell.seeds)),
        _table("examples", inside, lambda cell: f"{cell.examples:,}"),
        _table("accuracy", inside, lambda cell: f"{100 * cell.one.accuracy:g} %"),
        _table("spread between seeds", inside, lambda cell: f"{100 * cell.one.spread:.1f} points"),
        _table("all", inside, lambda _: "all cells"),
        _CORNERS,
        _table("seeds, accuracy, spread", beyond, lambda c: f"{c.seeds}, {100 * c.one.accuracy:g} %, {100 * c.one.spread:g} points"),
        _GRADED,
        _table("seeds, examples", graded, lambda cell: f"{cell.seeds}, {cell.examples}"),
        _table("accuracy", graded, lambda cell: f"{100 * cell.one.accuracy:g} %"),
        _table("all", graded, lambda _: "all cells"),
        _GROUPS.format(kinds=", ".join(f"{100 * low:g} and {100 * high:g} %" for low, high in TAKE_OFF)),
        _group_table(groups),
        "## Every cell\n\n<details><summary>The cells of the grid</summary>\n\n" + _all_cells([*found, *graded]) + "\n\n</details>",
    ]
    return "\n\n".join(parts) + "\n"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _table(name: str, found: Found, key: Callable[[Cell], str]) -> str:
    by_key: dict[str, list[Outcome]] = {}
    for cell, outcome in found:
        by_key.setdefault(key(cell), []).append(outcome)
    rows = [f"| {label} | {len(outcomes)} | {' | '.join(_summary(outcomes))} |" for label, outcomes in by_key.items()]
    return "\n".join([_HEAD.format(name), *rows])


def _summary(outcomes: Sequence[Outcome]) -> Iterable[str]:
    levels = [outcome.level_covers / outcome.levels for outcome in outcomes if outcome.levels]
    differences = [outcome.difference_covers / outcome.repetitions for outcome in outcomes]
    claims = [outcome.claims / outcome.repetitions for outcome in outcomes]
    yield from map(_percent, (sum(levels) / len(levels), min(levels), max(levels), sum(differences) / len(differences), min(differences)))
    yield from map(_percent, (sum(claims) / len(claims), max(claims)))
    yield _percent(sum(outcome.t_covers / outcome.repetitions for outcome in outcomes) / len(outcomes))
    yield _percent(sum(outcome.bootstrap_claims / outcome.repetitions for outcome in outcomes) / len(outcomes))


def _group_table(groups: Sequence[GroupRates]) -> str:
    head = (
        "| seeds | two groups seen, of those there | all seeds drawn of one kind | Student's interval would cover | false alarms, at most |"
    )
    rows = [
        f"| {each.seeds} | {' | '.join(map(_percent, (each.hits, each.one_sided, each.covers, each.false_alarms)))} |" for each in groups
    ]
    return "\n".join([head, "|---:|---:|---:|---:|---:|", *rows])


def _all_cells(found: Found) -> str:
    head = "| accuracy % | spread | other arm's spread | seeds | examples | tokens | difficulty | shape | arm's interval covers | width | "
    head += "difference covers | false positives | t over seeds covers | bootstrap's false positives |"
    rows = []
    for cell, outcome in found:
        one, count = cell.one, outcome.repetitions
        width = sum(outcome.widths) / max(1, len(outcome.widths))
        setting = (100 * one.accuracy, 100 * one.spread, 100 * cell.other.spread, cell.seeds, cell.examples, one.tokens, one.difficulty)
        rates = (outcome.level_covers / max(1, outcome.levels), width, outcome.difference_covers / count, outcome.claims / count)
        rates += (outcome.t_covers / count, outcome.bootstrap_claims / count)
        rows.append(f"| {' | '.join(f'{value:.3g}' for value in setting)} | {one.shape} | {' | '.join(map(_percent, rates))} |")
    return "\n".join([head, "|" + "---:|" * 14, *rows])


_TEXT = """# Calibration

`make calibrate` simulates studies in a world whose truth is known, and writes this page. All numbers are per cent.

**The question.** An arm's accuracy is that over *new seeds and new examples*. How often does the 95 % interval of
`hrmlab.statistics.calibrated` cover it, how often that of a difference, and how often does its test find a difference between two arms
that do not differ?

**The world.** A seed's true accuracy varies about the arm's (normal on the probit scale, or a beta); an example's difficulty is normal
(0.7, 1.5 or 3 on the probit scale, so that an example is anything from nearly a toss to solved by all seeds or none), correlated 0.8
between the two arms; the second arm's seeds vary as much, a third or 0.6 times as much. {cells} cells with accuracies from 0.5 to 99.5 %,
spreads between seeds of 1 to 15 points (or the widest with which seeds still gather round an accuracy: a beta with a shape of one),
{repetitions} studies each. The standard error of one cell's rate is {error}, so of so many cells
some stray by three of it to either side; the two columns of extremes must be read so.

**The method.** Seeds and examples are crossed random effects. The interval is a generalised (fiducial) one: the variance between seeds
over a chi-square, their mean off by a normal deviate, the choice of examples by another, on the probit scale, where the mean over seeds
is `Phi(m / sqrt(1 + s^2))`. For a difference one chi-square, with degrees of freedom half way between Welch's and the fewest, serves both
arms. It is never narrower than Wilson's interval (Newcombe's for differences) on all answers together. Student's interval with
Satterthwaite's degrees of freedom on the plain scale was tried and covers as little as 71 % where seeds vary as much as their mean, on
the logit scale 80 %.

**Before**, this project used Student's t over seeds, which says nothing about new examples, and a hierarchical bootstrap over seeds and
examples, which has too little spread with few seeds.

![Coverage of intervals and false positives of the test, before and now](figures/calibration.png)

## What holds"""

_CORNERS = """## What does not

Coverage above 97 % is the price of a corner: where next to nothing (or nearly everything) is solved, the answers are too few to be as
narrow as 95 % would allow, and at three seeds whose spread is below the noise of their examples the noise cannot be told from the seeds.
Nothing narrower would be honest there. For a difference at three seeds it is also the price of not knowing which arm spreads more.

Where seeds vary more than they can around one accuracy (most near 0, a few far above: 10 % with a spread of 15 points), the seeds drawn
say little about those not drawn: coverage sinks and false positives rise, as below. Where that happens below 2 % or above 98 %, the
report calls it no test; where seeds lie far apart, it names the groups; in between a reader should look at the single seeds, which stand
in results.csv."""

_GRADED = """## Graded outcomes

An answer may be graded: the share of its tokens that are right. Such outcomes are taken to lie between the lowest and the highest that were
seen, not between 0 and 1 (docs/reports.md). Simulated with 30 tokens in an answer, each as easy as the answer's others, and with as few
examples as such studies have."""

_GROUPS = """## Seeds in two groups

Where some seeds take off and others do not, no interval round a mean is honest. The report then names the two groups instead. The rule:
the largest gap between neighbouring seeds is at least 40 points, and at least twice the range of either group. Simulated with half of the
seeds of each kind ({kinds} of examples solved), and, for false alarms, with seeds round one accuracy and a spread up to 15 points (the
worst of 5, 20 and 50 %). What all seeds drawn have in common nothing can show: with three seeds a quarter of such studies looks like one
group."""
