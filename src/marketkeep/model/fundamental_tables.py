"""
The table of fundamentals, and the metrics that it may hold: name, statement, kind of figure, sign and one sentence.

Which reported concepts make a metric is `gold.fundamentals.families`; here is only what its readers need to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from marketkeep.model.tables import SYMBOL_COLUMN, UTC, Column, Table

CompanyKind = Literal["ordinary", "bank", "insurer", "reit", "utility"]
"""How a company reports: banks have no current assets, insurers earn premiums, REITs rent, utilities sell power."""

KINDS: tuple[CompanyKind, ...] = ("ordinary", "bank", "insurer", "reit", "utility")

Measure = Literal["flow", "instant", "cover", "per_share", "average"]
"""
What a figure is: a `flow` of a period, which may be differenced and summed; an `instant` of a balance sheet's date; a
count on a `cover`'s date; `per_share` and `average` figures of a period, which never are differenced or summed.
"""

FUNDAMENTALS = Table(
    name="fundamentals",
    doc="One figure of a company's period, as one filing told it first or told it anew (fundamental/{symbol}/{YYYY}).",
    key=("symbol", "metric", "period", "period_end", "accession"),
    columns=(
        SYMBOL_COLUMN,
        Column("cik", pl.Int64, "The company at the SEC; securities of one company share its figures."),
        Column("metric", pl.String, "Name of the figure: see the list of metrics."),
        Column(
            "period_start", pl.Date, "First day of the period, included; null for instants and covers.", nullable=True
        ),
        Column("period_end", pl.Date, "Last day of the period, or the day of the instant."),
        Column("period", pl.String, "Q1 to Q4, FY, TTM or instant, told from the days alone."),
        Column(
            "value",
            pl.Float64,
            "As reported or derived; null where a derived figure no longer can be had, because one of its parts was "
            "restated and the other not.",
            unit="see unit",
            nullable=True,
        ),
        Column("unit", pl.String, "ISO 4217 code, shares, or such a code and /shares."),
        Column("filed", pl.Date, "Day of the filing."),
        Column("available_at", UTC, "From when on it could be used in the market: see the how-to.", unit="UTC"),
        Column("accession", pl.String, "The filing that told it; of a derived figure, the one that completed it."),
        Column("form", pl.String, "10-K, 10-Q, 20-F, ..."),
        Column("concept", pl.String, "The element that told it, with its taxonomy unless that is us-gaap."),
        Column(
            "derived",
            pl.String,
            "How it was made, such as FY-9M, sum of 4 quarters, or assets - equity; null where it was reported.",
            nullable=True,
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Metric:
    """
    One metric: `unit` is money, shares or per_share; `signed` ones may be negative; `required_of` names the kinds of
    company of which a yearly report without it is suspicious.
    """

    name: str
    statement: Literal["income", "balance", "cash_flow", "per_share", "shares"]
    measure: Measure
    unit: Literal["money", "shares", "per_share"]
    doc: str
    signed: bool = True
    required_of: tuple[CompanyKind, ...] = ()


def _income(name: str, doc: str, *, signed: bool = True, required_of: tuple[CompanyKind, ...] = ()) -> Metric:
    return Metric(name, "income", "flow", "money", doc, signed, required_of)


def _balance(name: str, doc: str, *, signed: bool = False, required_of: tuple[CompanyKind, ...] = ()) -> Metric:
    return Metric(name, "balance", "instant", "money", doc, signed, required_of)


def _cash(name: str, doc: str, *, required_of: tuple[CompanyKind, ...] = ()) -> Metric:
    return Metric(name, "cash_flow", "flow", "money", doc, signed=True, required_of=required_of)


METRICS: tuple[Metric, ...] = (
    _income(
        "revenue",
        "Total revenue; of a bank net of interest expense where it says so.",
        signed=False,
        required_of=KINDS,
    ),
    _income("cost_of_revenue", "Cost of goods and services sold."),
    _income("gross_profit", "Revenue less cost of revenue."),
    _income("research_and_development", "Expense for research and development."),
    _income("selling_general_administrative", "Selling, general and administrative expense."),
    _income("selling_and_marketing", "Selling and marketing expense, where told apart."),
    _income("general_and_administrative", "General and administrative expense, where told apart."),
    _income("operating_expenses", "Operating expenses together, as reported: some include cost of revenue."),
    _income("operating_income", "Income from operations."),
    _income("interest_expense", "Interest expense."),
    _income("pretax_income", "Income before income taxes, of continuing operations."),
    _income("income_tax", "Income tax expense; negative for a benefit."),
    _income("net_income", "Net income attributable to the company's holders.", required_of=KINDS),
    _income("net_income_with_minority", "Net income before the share of noncontrolling interests."),
    _income("net_income_minority", "Net income of noncontrolling interests."),
    _income("net_income_common", "Net income left for common shares after preferred dividends."),
    _income("discontinued_income", "Income of discontinued operations, after tax."),
    _income("comprehensive_income", "Comprehensive income attributable to the company's holders."),
    _income("interest_and_dividend_income", "A bank's interest and dividends earned."),
    _income("net_interest_income", "A bank's interest earned less interest paid."),
    _income("noninterest_income", "A bank's income beside interest."),
    _income("noninterest_expense", "A bank's expense beside interest."),
    _income("provision_for_credit_losses", "Provision for loans and other credit that may be lost."),
    _income("premiums_earned", "An insurer's premiums earned, net."),
    _income("policy_benefits", "An insurer's benefits, claims and losses incurred."),
    _income("rental_income", "Income from leases, chiefly of real-estate companies."),
    _balance("cash", "Cash and cash equivalents."),
    _balance("short_term_investments", "Investments and marketable securities held as current."),
    _balance("receivables", "Receivables from customers, net, current."),
    _balance("inventory", "Inventory, net."),
    _balance("current_assets", "Assets that become cash within a year."),
    _balance("property_plant_equipment", "Property, plant and equipment, net of depreciation."),
    _balance("goodwill", "Goodwill."),
    _balance("intangible_assets", "Intangible assets other than goodwill, net."),
    _balance("operating_lease_assets", "Right-of-use assets of operating leases."),
    _balance("loans", "A bank's loans, net of the allowance for losses."),
    _balance("assets", "Total assets.", required_of=KINDS),
    _balance("accounts_payable", "Payables to suppliers, current."),
    _balance("deferred_revenue", "What customers paid ahead, current."),
    _balance("deposits", "A bank's deposits."),
    _balance("short_term_borrowings", "Borrowed for less than a year: commercial paper, notes, credit lines."),
    _balance("long_term_debt_current", "The part of long-term debt that is due within a year."),
    _balance("short_term_debt", "Debt due within a year: both of these together."),
    _balance("current_liabilities", "Liabilities due within a year."),
    _balance("long_term_debt", "Debt due later than in a year."),
    _balance("total_debt", "Short-term and long-term debt together, where both are told."),
    _balance("operating_lease_liabilities", "Liabilities of operating leases, current and later."),
    _balance("liabilities", "Total liabilities, minority interest and temporary equity not among them."),
    _balance("temporary_equity", "Equity that holders may redeem: neither liabilities nor equity."),
    _balance("minority_interest", "Equity of noncontrolling interests.", signed=True),
    _balance("additional_paid_in_capital", "Paid in above par value.", signed=True),
    _balance("retained_earnings", "Earnings kept; negative for an accumulated deficit.", signed=True),
    _balance("accumulated_other_comprehensive_income", "Gains and losses outside of income so far.", signed=True),
    _balance("equity", "Equity of the company's holders.", signed=True, required_of=KINDS),
    _balance("equity_with_minority", "Equity with that of noncontrolling interests.", signed=True),
    _balance("liabilities_and_equity", "Total liabilities and equity, as the balance sheet ends."),
    _cash("operating_cash_flow", "Cash from operations.", required_of=KINDS),
    _cash("investing_cash_flow", "Cash from investing; negative for cash spent."),
    _cash("financing_cash_flow", "Cash from financing; negative for cash given back."),
    _cash("capital_expenditure", "Paid for property, plant and equipment, as a positive figure."),
    _cash("free_cash_flow", "Cash from operations less capital expenditure."),
    _cash("acquisitions", "Paid for businesses, net of cash acquired, as a positive figure."),
    _cash("depreciation_and_amortization", "Depreciation and amortization, as the cash-flow statement adds them back."),
    _cash("stock_compensation", "Pay in shares, as the cash-flow statement adds it back."),
    _cash("dividends_paid", "Dividends paid, as a positive figure."),
    _cash("share_repurchases", "Paid for own shares, as a positive figure."),
    _cash("share_issuance", "Received for own shares."),
    _cash("debt_issued", "Received from long-term debt."),
    _cash("debt_repaid", "Paid back of long-term debt, as a positive figure."),
    _cash("interest_paid", "Interest paid in cash."),
    _cash("income_taxes_paid", "Income taxes paid in cash, net of refunds."),
    Metric("eps_basic", "per_share", "per_share", "per_share", "Earnings per basic share."),
    Metric("eps_diluted", "per_share", "per_share", "per_share", "Earnings per diluted share."),
    Metric("dividends_per_share", "per_share", "per_share", "per_share", "Dividends declared per share.", signed=False),
    Metric("shares_basic", "shares", "average", "shares", "Average shares of the period.", signed=False),
    Metric("shares_diluted", "shares", "average", "shares", "Average shares, diluted.", signed=False),
    Metric(
        "shares_outstanding",
        "shares",
        "cover",
        "shares",
        "Shares outstanding on the day that the cover names; else on the balance sheet's date. Null for a company "
        "that tells them by class only.",
        signed=False,
    ),
)
"""Every metric, in the order of the statements."""
