"""
The gym's report: recall, precision and false alarms of every check, and the jury's verdicts, as Markdown.

Figures are counts of rows and cells, and the same whatever the machine; only the time is not, and is told in minutes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from seeded_checks import unseeded_rows
from seeded_jury import STATUSES, JuryScore, judge_worlds
from seeded_listing import MUST, Identity, directories
from seeded_scores import CheckScore, KindScore, Score
from seeded_text import minutes, share, table
from seeded_traps import trap_rows
from seeded_worlds import World, many_sources, minute_bars, one_source, statements, wild_prices

HARD, SOFT, ALARMS = 0.99, 0.95, 20.0
"""What must be reached: recall of hard and of soft defects, and the most false alarms in a million clean rows."""

BEGIN, END = "<!-- made by make gym-report: begin -->", "<!-- made by make gym-report: end -->"


@dataclass(frozen=True)
class Size:
    """How much is made of each world: symbols, and years or sessions."""

    one: tuple[int, int] = (340, 15)
    many: tuple[int, int] = (300, 2)
    minutes: tuple[int, int] = (60, 40)
    statements: tuple[int, int] = (120, 10)
    listing: int = 120
    wild: tuple[int, int] = (100, 10)
    seed: int = 7


SMALL = Size((60, 4), (150, 2), (20, 24), (40, 5), 30, (20, 4))
"""For tests: some seconds instead of minutes."""


@dataclass
class Report:
    """
    The scores of the worlds with defects, and of who securities are; `wild` is the score of a world without defects,
    whose prices only look as if.
    """

    size: Size
    scores: Sequence[Score]
    identity: Identity
    wild: Score
    jury: JuryScore = field(init=False)

    def __post_init__(self) -> None:
        self.jury = judge_worlds([one.world for one in self.scores if one.world.has_bars])

    @cached_property
    def kinds(self) -> list[KindScore]:
        """Kinds that must be found, those of all worlds together."""
        found: dict[str, KindScore] = {}
        for one in (line for score in self.scores for line in score.kinds.values() if line.kind.code):
            line = found.setdefault(one.kind.name, KindScore(one.kind))
            line.planted += one.planted
            line.found += one.found
            line.by_its_own += one.by_its_own
            line.missed += one.missed
        return sorted(found.values(), key=lambda line: (line.kind.dataset, line.kind.code, line.kind.name))

    @cached_property
    def checks(self) -> dict[tuple[str, str], CheckScore]:
        """Checks that spoke, those of all worlds together."""
        found: dict[tuple[str, str], CheckScore] = {}
        for score in self.scores:
            for key, one in score.checks.items():
                line = found.setdefault(key, CheckScore(one.severity))
                line.spoke += one.spoke
                line.right += one.right
                line.examples += one.examples
        return found

    def recall(self, *, hard: bool) -> float:
        """The share of hard or of soft defects that were found."""
        planted, found = self.counts(hard=hard)
        return found / planted if planted else 1.0

    def counts(self, *, hard: bool) -> tuple[int, int]:
        """How many hard or soft defects were planted and found, those of splits and dividends not among them."""
        lines = [line for line in self.kinds if line.kind.hard == hard]
        return sum(line.planted for line in lines), sum(line.found for line in lines)

    @cached_property
    def clean_rows(self) -> dict[str, int]:
        """Rows that nothing is wrong with, by dataset."""
        rows: dict[str, int] = defaultdict(int)
        for score in self.scores:
            for dataset, count in score.clean.items():
                rows[dataset] += count
        return rows

    def alarms(self, dataset: str) -> int:
        """Errors and warnings about rows of a dataset that nothing is wrong with."""
        return sum(
            line.false for (_, about), line in self.checks.items() if about == dataset and line.severity != "info"
        )

    def alarms_in_a_million(self, dataset: str) -> float:
        """The same in a million clean rows."""
        return 1e6 * self.alarms(dataset) / max(1, self.clean_rows[dataset])

    @property
    def splits(self) -> tuple[int, int]:
        """How many splits were judged, those that never were included, and how many rightly."""
        return self.jury.cases["split"], self.jury.right["split"]

    @property
    def reached(self) -> bool:
        """Whether all is as good as it must be."""
        judged, right = self.splits
        alarms = max(self.alarms_in_a_million(name) for name in ("daily_bars", "minute_bars"))
        sound = all(not any(score.gold.counts[3:]) for score in self.scores if score.world.has_bars)
        known = not self.identity.wrong
        found = self.recall(hard=True) >= HARD and self.recall(hard=False) >= SOFT
        return found and known and alarms <= ALARMS and judged == right and sound

    def told(self) -> Iterator[str]:
        """What a person wants to know at the terminal, what was missed and what was wrong by example."""
        yield from self._summary().splitlines()[2:]
        yield from self._on_wild_prices().splitlines()[2:]
        for line in self.kinds:
            if line.missed:
                some = ", ".join(f"{one.symbol} {one.day} {one.vendor}" for one in line.missed[:4])
                yield f"missed {len(line.missed)} of {line.planted}: {line.kind.name} ({line.kind.code}): {some}"
        for (code, dataset), one in sorted(self.checks.items()):
            if one.false:
                yield f"false {one.severity} {one.false}: {code} of {dataset}: {', '.join(one.examples[:4])}"
        for case in self.jury.wrong[:20]:
            yield f"wrong verdict {case.status}: {case.kind} {case.what}: {case.symbol} {case.ex_date} {case.told}"
        yield from (f"identity: {one}" for one in self.identity.wrong)
        for score in self.scores:
            if score.world.has_bars and score.gold.examples:
                yield f"gold of {score.world.name}: {', '.join(score.gold.examples)}"

    def markdown(self) -> str:
        """The generated part of docs/quality-engine.md."""
        parts = (self._summary(), self._worlds(), self._kinds(), self._checks(), self._wires(), self._gold())
        rest = (self._identity(), self._on_wild_prices(), _unseeded(), _traps())
        return "\n\n".join([BEGIN, *parts, *self._verdicts(), *rest, END])

    def _summary(self) -> str:
        (hard, hard_found), (soft, soft_found) = self.counts(hard=True), self.counts(hard=False)
        judged, right = self.splits
        asked, known = self.identity.seeded.total(), self.identity.right.total()
        rows = [
            ("hard defects found", f"{HARD:.0%}", share(hard_found, hard), f"{hard_found:,} of {hard:,}"),
            ("soft defects found", f"{SOFT:.0%}", share(soft_found, soft), f"{soft_found:,} of {soft:,}"),
            *(
                (
                    f"false alarms in a million clean rows of {dataset}",
                    f"{ALARMS:.0f} at most",
                    f"{self.alarms_in_a_million(dataset):.1f}",
                    f"{self.alarms(dataset):,} in {self.clean_rows[dataset]:,}",
                )
                for dataset in ("daily_bars", "minute_bars")
            ),
            ("verdicts on splits that are right", "all", share(right, judged), f"{right:,} of {judged:,}"),
            ("securities and members that are right", "all", share(known, asked), f"{known:,} of {asked:,}"),
        ]
        return "### In short\n\n" + table(("what", "must be", "is", "counted"), rows)

    def _worlds(self) -> str:
        rows = [
            (
                world.name,
                ", ".join(world.vendors),
                f"{world.truth.count:,}",
                f"{world.start} to {world.truth.last}",
                f"{score.rows:,}",
                f"{len(world.defects) + len(world.faults):,}",
                f"{world.requests:,}",
                minutes(world.seconds),
            )
            for score in (*self.scores, self.wild)
            for world in (score.world,)
        ]
        head = ("world", "vendors", "symbols", "days", "rows", "defects", "requests", "time")
        return f"### What was made\n\nSeed {self.size.seed}.\n\n" + table(head, rows)

    def _kinds(self) -> str:
        rows = [
            (
                line.kind.name,
                line.kind.dataset,
                f"`{line.kind.code}`",
                "hard" if line.kind.hard else "soft",
                f"{line.planted:,}",
                f"{line.found:,}",
                share(line.found, line.planted),
                f"{line.by_its_own:,}",
            )
            for line in self.kinds
        ]
        head = ("defect", "dataset", "check", "", "planted", "found", "recall", "by that very check")
        return "### What was planted, and found\n\n" + table(head, rows)

    def _checks(self) -> str:
        rows = [
            (
                f"`{code}`",
                dataset,
                line.severity,
                f"{line.spoke:,}",
                f"{line.right:,}",
                share(line.right, line.spoke),
                f"{1e6 * line.false / self.clean_rows[dataset]:.1f}" if self.clean_rows[dataset] else "",
            )
            for (code, dataset), line in sorted(self.checks.items(), key=lambda item: item[0][::-1])
        ]
        head = ("check", "dataset", "severity", "findings", "right", "precision", "false in a million")
        return "### What the checks said\n\n" + table(head, rows)

    def _on_wild_prices(self) -> str:
        rows = self.wild.clean["daily_bars"]
        lines = [
            (f"`{code}`", line.severity, f"{line.false:,}", f"{1e6 * line.false / rows:,.0f}")
            for (code, dataset), line in sorted(self.wild.checks.items())
            if dataset == "daily_bars" and line.false
        ]
        said = f"{rows:,} rows of {self.wild.world.truth.count} symbols, none of them wrong, as wild as real ones."
        gold = self.wild.gold
        kept = f"Of {gold.equal + gold.lost + gold.wrong:,} bars gold has {gold.equal:,} as they were."
        head = ("check", "severity", "spoke", "in a million")
        return f"### On prices that are wild and true\n\n{said} {kept}\n\n" + table(head, lines)

    def _wires(self) -> str:
        hit: Counter[str] = Counter()
        found: Counter[str] = Counter()
        for score in self.scores:
            for kind, (met, told) in score.wires.items():
                hit[kind] += met
                found[kind] += told
        rows = [(kind, f"{hit[kind]}", f"{found[kind]}", share(found[kind], hit[kind])) for kind in sorted(hit)]
        return "### Faults on the wire\n\n" + table(("fault", "symbols hit", "told", "recall"), rows)

    def _gold(self) -> str:
        rows = [
            (score.world.name, *(f"{count:,}" for count in score.gold.counts))
            for score in self.scores
            if score.world.has_bars
        ]
        head = ("world", "equal to the truth", "no source had it", "a soft defect in it", "wrong", "lost", "made up")
        return "### Daily gold against the truth\n\n" + table(head, rows)

    def _identity(self) -> str:
        rows = [
            (what, must, f"{self.identity.seeded[what]:,}", f"{self.identity.right[what]:,}")
            for what, must in MUST.items()
        ]
        return "### Who securities are, and members\n\n" + table(
            ("what was seeded", "must be", "seeded", "right"), rows
        )

    def _verdicts(self) -> Iterator[str]:
        for kind, judged_as in sorted(self.jury.table.items(), reverse=True):
            rows = [(what, *(f"{counts[one] or ''}" for one in STATUSES)) for what, counts in sorted(judged_as.items())]
            judged, right = self.jury.cases[kind], self.jury.right[kind]
            yield (
                f"### Verdicts on {'splits' if kind == 'split' else 'cash'}\n\n{right:,} of {judged:,} are right.\n\n"
                + table(("what was seeded", *STATUSES), rows)
            )


def make_report(folder: Path, size: Size | None = None) -> Report:
    """Make all worlds in an empty folder and score them."""
    size = size or Size()
    worlds: list[World] = [
        one_source(folder / "one", symbols=size.one[0], years=size.one[1], seed=size.seed),
        many_sources(folder / "many", symbols=size.many[0], years=size.many[1], seed=size.seed),
        minute_bars(folder / "minutes", symbols=size.minutes[0], sessions=size.minutes[1], seed=size.seed),
        statements(folder / "statements", symbols=size.statements[0], years=size.statements[1], seed=size.seed),
    ]
    lists, identity = directories(folder / "listing", symbols=size.listing, seed=size.seed)
    worlds.append(lists)
    wild = wild_prices(folder / "wild", symbols=size.wild[0], years=size.wild[1], seed=size.seed)
    return Report(size, [Score(world) for world in worlds], identity, Score(wild))


def put_into(page: str, made: str) -> str:
    """A page with its generated part replaced; at its end where it has none yet."""
    before, begin, rest = page.partition(BEGIN)
    if not begin:
        return f"{page.rstrip()}\n\n{made}\n"
    return before + made + rest.partition(END)[2]


def _unseeded() -> str:
    return "### Checks that nothing is seeded for\n\n" + table(("check", "dataset", "why"), unseeded_rows())


def _traps() -> str:
    said = "Every numbered trap of market data, what is seeded for it here, and a test that names it."
    head = ("", "trap", "seeded here", "test")
    return f"### Where each trap is held\n\n{said}\n\n" + table(head, trap_rows())
