"""
What a security's name tells: the company, the class of share, whether a fund holds bonds.

Exchanges write names freely ("Alpha, Inc. - Class A Common Stock", "Alpha Inc. Class A Common Stock"), so names are
only ever compared through the keys made here. A key that cannot be told apart from another makes no match certain:
callers ask that it be the only one of its day.
"""

from __future__ import annotations

import polars as pl

# The first of these words in what stands behind the company says what kind of security it is.
_KINDS = {
    "unit": "unit",
    "units": "unit",
    "warrant": "warrant",
    "warrants": "warrant",
    "right": "right",
    "rights": "right",
    "preferred": "preferred",
    "preference": "preferred",
    "pfd": "preferred",
    "note": "note",
    "notes": "note",
    "debentures": "note",
    "debenture": "note",
    "depositary": "depositary",
    "depository": "depositary",
    "ads": "depositary",
    "adr": "depositary",
    "common": "common",
    "ordinary": "common",
    "class": "common",
    "shares": "common",
    "stock": "common",
}
_FIRST_KIND = rf"\b({'|'.join(_KINDS)})\b"
_DEPOSITED_PREFERRED = r"\b(preferred|preference|pfd|perpetual)\b"
_LETTER = r"\b(?:class|cl|series|ser)\.? ([a-z0-9]{1,2})\b"
_SUFFIXED = {"WS": "warrant", "U": "unit", "RT": "right"}
# Where the company ends and the security begins, in names that do not set them apart.
_SECURITY = (
    r"\b(common|class [a-z]|cl [a-z]|series [a-z]|ordinary|american depositary|ads|adr|depositary|depository|sponsored"
    r"|subordinate|voting|non voting|warrants?|units?|rights?|preferred|preference|pfd|perpetual|notes?|debentures?"
    r"|cumulative|shares?|stock|beneficial|when issued|\d+ \d+ (series|fixed|senior|notes?|preferred)).*$"
)
_FORMS = (
    r"\b(the|inc|incorporated|corp|corporation|co|company|companies|ltd|limited|plc|llc|lp|l p|sa|s a|nv|n v|ag|se"
    r"|new)\b"
)
_BOND = r"\b(bonds?|treasury|treasuries|fixed income|municipals?|muni|t bills?|tips)\b"


def name_keys() -> list[pl.Expr]:
    """
    Keys of a frame with `name` and `symbol`, beside its columns.

    `full` is the whole name without punctuation, `company` the company's part of it, `kind` the kind of security
    (common, preferred, depositary, note, unit, warrant, right) and `klass` kind and letter of class or series.
    """
    kind = _kind()
    suffix = pl.col("symbol").str.extract(r"\.(.+)$")
    of_suffix = pl.when(suffix.str.starts_with("PR")).then(suffix.str.slice(2)).when(suffix.str.len_chars() == 1)
    own = of_suffix.then(suffix).str.to_lowercase()
    letter = pl.when(kind.is_in(["unit", "warrant", "right"])).then(pl.lit("")).otherwise(_class_letter(own))
    return [
        squashed(pl.col("name")).alias("full"),
        company_key(pl.col("name")).alias("company"),
        kind.alias("kind"),
        pl.concat_str(kind, pl.lit(":"), letter).alias("klass"),
    ]


def company_key(name: pl.Expr) -> pl.Expr:
    """A company's name without its legal form, punctuation, state and what is said of the security; null if none."""
    # The SEC writes the state of a company behind it: COSTCO WHOLESALE CORP /NEW, BROOKFIELD Corp /ON/.
    bare = name.str.replace(r"\s/[A-Za-z]{2,4}/?$", "").str.replace(r"\s-\s.*$", "")
    whole = squashed(bare)
    cut = whole.str.replace(_SECURITY, "").str.strip_chars()
    company = pl.when(cut == "").then(whole).otherwise(cut)
    short = company.str.replace_all(_FORMS, " ").str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(short != "").then(short).when(company != "").then(company)


def is_bond_fund(name: pl.Expr) -> pl.Expr:
    """Whether a fund's name says that it holds bonds: bond, treasury, fixed income, municipal, T-bill, TIPS."""
    return squashed(name).str.contains(_BOND).fill_null(value=False)


def squashed(name: pl.Expr) -> pl.Expr:
    """A name in lower case with single spaces for all that is neither letter nor digit."""
    plain = name.str.to_lowercase().str.replace_all("['\u2019.]", "")
    return plain.str.replace_all(r"[^a-z0-9]+", " ").str.strip_chars()


def _security() -> pl.Expr:
    return squashed(pl.coalesce(pl.col("name").str.extract(r"\s-\s+(.*)$"), "name"))


def _kind() -> pl.Expr:
    suffix = pl.col("symbol").str.extract(r"\.([A-Z]+)")
    said = _security()
    found = said.str.extract(_FIRST_KIND).replace_strict(_KINDS, default=None, return_dtype=pl.String)
    named = pl.when((found == "depositary") & said.str.contains(_DEPOSITED_PREFERRED)).then(pl.lit("preferred"))
    return (
        pl.when(suffix.str.starts_with("PR"))
        .then(pl.lit("preferred"))
        .when(suffix.is_in(list(_SUFFIXED)))
        .then(suffix.replace_strict(_SUFFIXED, default=None, return_dtype=pl.String))
        .otherwise(named.otherwise(found).fill_null("common"))
    )


def _class_letter(of_suffix: pl.Expr) -> pl.Expr:
    return pl.coalesce(_security().str.extract(_LETTER), of_suffix, pl.lit(""))
