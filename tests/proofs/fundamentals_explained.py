"""Why single figures differ from those of edgartools: by version, reason, symbol and metric the ends of periods."""

from __future__ import annotations

from collections.abc import Mapping

Key = tuple[str, str, str]

REPORTED = "ours is the quarter that a report tells, theirs a difference of figures on two bases"
ROUNDED = "both are the quarter, off by less than a thousandth: ours reported or of one basis, theirs a difference"
TWO_BASES = "ours is a year less nine months both told anew, theirs takes one of them as it was told before"
WITHDRAWN = "the year was told anew and its nine months were not: ours is null, theirs mixes both"
EQUITY_ALONE = "equity was told anew without its balance sheet: ours is of one filing, theirs of two"
SWAPPED = "the company swapped the meaning of two elements in 2017: ours follows the whole, theirs the element"
FIRST_KNOWN = "ours is known with the year, as the year less nine months; theirs is the quarter told a year later"
NOT_MADE = "the year is told by another element than its nine months, and both are one figure: theirs makes no quarter"
LATER_PART = "preferred shares were told as temporary equity by a later filing only, which theirs counts"
UNITS = "edgartools takes a figure told in a wrong unit"


def _listed(reasons: Mapping[str, Mapping[tuple[str, str], str]]) -> dict[Key, str]:
    return {
        (symbol, metric, end): reason
        for reason, figures in reasons.items()
        for (symbol, metric), ends in figures.items()
        for end in ends.split()
    }


DIFFERENCES: dict[str, dict[Key, str]] = {
    "first": _listed(
        {
            FIRST_KNOWN: {
                ("AAPL", "net_income"): "2009-09-26",
                ("AAPL", "revenue"): "2009-09-26",
                ("AIR", "revenue"): "2011-05-31",
                ("SUNE", "net_income"): "2014-12-31",
                ("SUNE", "revenue"): "2014-12-31",
                ("UA", "net_income"): "2023-03-31",
                ("UA", "revenue"): "2012-12-31 2023-03-31",
                ("WMT", "net_income"): "2010-01-31",
            },
            NOT_MADE: {("GOOGL", "revenue"): "2025-12-31", ("JPM", "revenue"): "2024-12-31 2025-12-31"},
            LATER_PART: {("KHC", "liabilities"): "2014-12-28"},
            UNITS: {("WMT", "eps_basic"): "2009-07-31", ("WMT", "eps_diluted"): "2009-07-31"},
        }
    ),
    "latest": _listed(
        {
            REPORTED: {
                ("AAPL", "net_income"): "2009-09-26",
                ("AAPL", "revenue"): "2009-09-26",
                ("AIR", "net_income"): "2011-05-31 2012-05-31",
                ("AIR", "revenue"): "2013-05-31 2015-05-31 2016-05-31",
                ("KHC", "net_income"): "2016-12-31 2017-12-30",
                ("KHC", "revenue"): "2018-12-29",
                ("MCD", "revenue"): "2018-12-31",
                ("UA", "net_income"): "2021-12-31 2023-03-31 2024-03-31",
                ("WMT", "net_income"): "2010-01-31",
                ("WMT", "revenue"): "2012-01-31 2013-01-31",
            },
            NOT_MADE: {("GOOGL", "revenue"): "2025-12-31", ("JPM", "revenue"): "2024-12-31 2025-12-31"},
            SWAPPED: {("UA", "revenue"): "2015-12-31 2016-03-31 2016-06-30 2016-09-30 2016-12-31"},
            EQUITY_ALONE: {
                ("AIR", "liabilities"): "2010-05-31 2017-11-30",
                ("MCD", "liabilities"): "2018-03-31 2023-03-31 2023-06-30 2023-09-30",
                ("SUNE", "liabilities"): "2014-03-31 2014-06-30 2014-09-30 2015-03-31 2015-06-30 2015-09-30 2016-03-31 "
                "2016-06-30 2016-09-30 2017-03-31 2017-06-30 2017-09-30 2020-12-31",
                ("WMT", "liabilities"): "2009-01-31",
            },
            WITHDRAWN: {
                ("AAPL", "net_income"): "2008-09-27",
                ("AAPL", "revenue"): "2008-09-27",
                ("AIR", "revenue"): "2010-05-31",
                ("WMT", "net_income"): "2009-01-31",
                ("WMT", "revenue"): "2009-01-31",
            },
            ROUNDED: {
                ("AIR", "revenue"): "2011-05-31",
                ("KHC", "net_income"): "2018-12-29",
                ("KHC", "revenue"): "2017-12-30",
                ("MCD", "net_income"): "2022-12-31 2023-12-31",
                ("MCD", "revenue"): "2022-12-31 2023-12-31",
                ("SUNE", "net_income"): "2014-12-31",
                ("SUNE", "revenue"): "2014-12-31",
                ("UA", "net_income"): "2016-12-31 2017-12-31 2020-12-31",
                ("UA", "revenue"): "2021-12-31 2023-03-31 2024-03-31",
                ("WMT", "revenue"): "2010-01-31",
            },
            TWO_BASES: {
                ("MCD", "revenue"): "2019-12-31",
                ("SUNE", "net_income"): "2021-12-31",
                ("SUNE", "revenue"): "2020-12-31 2021-12-31 2022-12-31",
            },
        }
    ),
}

CHOICES: dict[tuple[str, str], str] = {
    (
        "AIR",
        "revenue",
    ): "theirs is put together from cost and profit: it does not know the element, which is before taxes of sale",
    ("COST", "revenue"): "theirs is net sales, without membership fees",
    ("KHC", "net_income"): "theirs is net income with the share of minorities, told last by a later filing",
    ("KHC", "revenue"): "theirs is put together from cost and profit of another filing",
    ("UA", "revenue"): "theirs is net sales, without licence revenues",
    ("WMT", "net_income"): "theirs is net income with the share of minorities, told last by a later filing",
    ("WMT", "revenue"): "theirs is net sales, without membership and other income",
}
"""Where the element that edgartools chooses itself tells another figure than ours, and why ours is the one meant."""
