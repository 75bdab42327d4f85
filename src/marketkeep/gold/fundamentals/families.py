"""
Concept families: which reported elements make a metric, in order of preference, for each kind of company.

An element without a taxonomy is us-gaap's. The first of a family that a filing tells is the metric of that filing;
elements of different scope are never mixed within one filing. What is told of classes, segments or any other dimension
is not in company facts, so it is in no family.
"""

from __future__ import annotations

import polars as pl

from marketkeep.model import METRICS, CompanyKind
from marketkeep.model.fundamental_tables import KINDS

FAMILIES: dict[str, tuple[str, ...]] = {
    "revenue": (
        "Revenues",
        "RevenueFromContractWithCustomerExcludingAssessedTax",
        "SalesRevenueNet",
        "RevenueFromContractWithCustomerIncludingAssessedTax",
        "RevenuesNetOfInterestExpense",
        "SalesRevenueGoodsNet",
        "SalesRevenueServicesNet",
        "RealEstateRevenueNet",
        "OperatingLeasesIncomeStatementLeaseRevenue",
        "HealthCareOrganizationRevenue",
        "OilAndGasRevenue",
        "InterestAndDividendIncomeOperating",
        "ifrs-full:Revenue",
        "ifrs-full:RevenueFromContractsWithCustomers",
    ),
    "cost_of_revenue": (
        "CostOfRevenue",
        "CostOfGoodsAndServicesSold",
        "CostOfGoodsSold",
        "CostOfServices",
        "ifrs-full:CostOfSales",
    ),
    "gross_profit": ("GrossProfit", "ifrs-full:GrossProfit"),
    "research_and_development": (
        "ResearchAndDevelopmentExpense",
        "ResearchAndDevelopmentExpenseExcludingAcquiredInProcessCost",
        "ResearchAndDevelopmentExpenseSoftwareExcludingAcquiredInProcessCost",
        "ifrs-full:ResearchAndDevelopmentExpense",
    ),
    "selling_general_administrative": (
        "SellingGeneralAndAdministrativeExpense",
        "ifrs-full:SellingGeneralAndAdministrativeExpense",
    ),
    "selling_and_marketing": (
        "SellingAndMarketingExpense",
        "MarketingAndAdvertisingExpense",
        "SellingExpense",
        "MarketingExpense",
        "ifrs-full:SalesAndMarketingExpense",
        "ifrs-full:DistributionCosts",
    ),
    "general_and_administrative": ("GeneralAndAdministrativeExpense", "ifrs-full:AdministrativeExpense"),
    "operating_expenses": ("OperatingExpenses", "CostsAndExpenses", "BenefitsLossesAndExpenses"),
    "operating_income": ("OperatingIncomeLoss", "ifrs-full:ProfitLossFromOperatingActivities"),
    "interest_expense": (
        "InterestExpense",
        "InterestExpenseNonoperating",
        "InterestExpenseOperating",
        "InterestExpenseDebt",
        "InterestAndDebtExpense",
        "ifrs-full:InterestExpense",
        "ifrs-full:FinanceCosts",
    ),
    "pretax_income": (
        "IncomeLossFromContinuingOperationsBeforeIncomeTaxesExtraordinaryItemsNoncontrollingInterest",
        "IncomeLossFromContinuingOperationsBeforeIncomeTaxesMinorityInterestAndIncomeLossFromEquityMethodInvestments",
        "IncomeLossFromContinuingOperationsBeforeIncomeTaxesDomestic",
        "ifrs-full:ProfitLossBeforeTax",
    ),
    "income_tax": ("IncomeTaxExpenseBenefit", "ifrs-full:IncomeTaxExpenseContinuingOperations"),
    "net_income": (
        "NetIncomeLoss",
        "ProfitLoss",
        "ifrs-full:ProfitLossAttributableToOwnersOfParent",
        "ifrs-full:ProfitLoss",
    ),
    "net_income_with_minority": (
        "ProfitLoss",
        "IncomeLossIncludingPortionAttributableToNoncontrollingInterest",
        "ifrs-full:ProfitLoss",
    ),
    "net_income_minority": (
        "NetIncomeLossAttributableToNoncontrollingInterest",
        "MinorityInterestInNetIncomeLossOfConsolidatedEntities",
        "ifrs-full:ProfitLossAttributableToNoncontrollingInterests",
    ),
    "net_income_common": ("NetIncomeLossAvailableToCommonStockholdersBasic",),
    "discontinued_income": (
        "IncomeLossFromDiscontinuedOperationsNetOfTax",
        "IncomeLossFromDiscontinuedOperationsNetOfTaxAttributableToReportingEntity",
        "ifrs-full:ProfitLossFromDiscontinuedOperations",
    ),
    "comprehensive_income": (
        "ComprehensiveIncomeNetOfTax",
        "ComprehensiveIncomeNetOfTaxIncludingPortionAttributableToNoncontrollingInterest",
        "ifrs-full:ComprehensiveIncome",
    ),
    "interest_and_dividend_income": (
        "InterestAndDividendIncomeOperating",
        "InterestAndFeeIncomeLoansAndLeases",
        "ifrs-full:RevenueFromInterest",
    ),
    "net_interest_income": (
        "InterestIncomeExpenseNet",
        "InterestIncomeExpenseOperatingNet",
        "ifrs-full:InterestIncomeExpenseNet",
    ),
    "noninterest_income": ("NoninterestIncome",),
    "noninterest_expense": ("NoninterestExpense",),
    "provision_for_credit_losses": (
        "ProvisionForLoanLeaseAndOtherLosses",
        "ProvisionForCreditLosses",
        "ProvisionForLoanAndLeaseLosses",
        "ProvisionForLoanLossesExpensed",
        "FinancingReceivableExcludingAccruedInterestCreditLossExpenseReversal",
    ),
    "premiums_earned": ("PremiumsEarnedNet", "PremiumsEarnedNetPropertyAndCasualty", "PremiumsEarnedNetLife"),
    "policy_benefits": (
        "PolicyholderBenefitsAndClaimsIncurredNet",
        "LiabilityForUnpaidClaimsAndClaimsAdjustmentExpenseIncurredClaims1",
        "IncurredClaimsPropertyCasualtyAndLiability",
    ),
    "rental_income": (
        "OperatingLeaseLeaseIncome",
        "OperatingLeasesIncomeStatementLeaseRevenue",
        "LeaseIncome",
        "RealEstateRevenueNet",
    ),
    "cash": (
        "CashAndCashEquivalentsAtCarryingValue",
        "CashCashEquivalentsRestrictedCashAndRestrictedCashEquivalents",
        "Cash",
        "CashAndDueFromBanks",
        "ifrs-full:CashAndCashEquivalents",
    ),
    "short_term_investments": (
        "ShortTermInvestments",
        "MarketableSecuritiesCurrent",
        "AvailableForSaleSecuritiesDebtSecuritiesCurrent",
        "AvailableForSaleSecuritiesCurrent",
        "OtherShortTermInvestments",
    ),
    "receivables": (
        "AccountsReceivableNetCurrent",
        "ReceivablesNetCurrent",
        "AccountsNotesAndLoansReceivableNetCurrent",
        "ifrs-full:TradeAndOtherCurrentReceivables",
    ),
    "inventory": (
        "InventoryNet",
        "InventoryNetOfAllowancesCustomerAdvancesAndProgressBillings",
        "ifrs-full:Inventories",
    ),
    "current_assets": ("AssetsCurrent", "ifrs-full:CurrentAssets"),
    "property_plant_equipment": (
        "PropertyPlantAndEquipmentNet",
        "PropertyPlantAndEquipmentAndFinanceLeaseRightOfUseAssetAfterAccumulatedDepreciationAndAmortization",
        "ifrs-full:PropertyPlantAndEquipment",
    ),
    "goodwill": ("Goodwill", "ifrs-full:Goodwill"),
    "intangible_assets": (
        "IntangibleAssetsNetExcludingGoodwill",
        "FiniteLivedIntangibleAssetsNet",
        "ifrs-full:IntangibleAssetsOtherThanGoodwill",
    ),
    "operating_lease_assets": ("OperatingLeaseRightOfUseAsset",),
    "loans": (
        "LoansAndLeasesReceivableNetReportedAmount",
        "FinancingReceivableExcludingAccruedInterestAfterAllowanceForCreditLoss",
        "LoansAndLeasesReceivableNetOfDeferredIncome",
    ),
    "assets": ("Assets", "ifrs-full:Assets"),
    "accounts_payable": (
        "AccountsPayableCurrent",
        "AccountsPayableTradeCurrent",
        "AccountsPayableAndAccruedLiabilitiesCurrent",
        "ifrs-full:TradeAndOtherCurrentPayables",
    ),
    "deferred_revenue": (
        "ContractWithCustomerLiabilityCurrent",
        "DeferredRevenueCurrent",
        "ifrs-full:CurrentContractLiabilities",
    ),
    "deposits": ("Deposits", "ifrs-full:DepositsFromCustomers"),
    "short_term_borrowings": (
        "ShortTermBorrowings",
        "CommercialPaper",
        "OtherShortTermBorrowings",
        "NotesPayableCurrent",
    ),
    "long_term_debt_current": ("LongTermDebtCurrent", "LongTermDebtAndCapitalLeaseObligationsCurrent"),
    "short_term_debt": ("DebtCurrent", "ifrs-full:CurrentBorrowings"),
    "current_liabilities": ("LiabilitiesCurrent", "ifrs-full:CurrentLiabilities"),
    "long_term_debt": (
        "LongTermDebtNoncurrent",
        "LongTermDebtAndCapitalLeaseObligations",
        "ConvertibleNotesPayableNoncurrent",
        "ifrs-full:NoncurrentBorrowings",
    ),
    "total_debt": ("DebtLongtermAndShorttermCombinedAmount",),
    "operating_lease_liabilities": ("OperatingLeaseLiability",),
    "liabilities": ("Liabilities", "ifrs-full:Liabilities"),
    "temporary_equity": (
        "TemporaryEquityCarryingAmountIncludingPortionAttributableToNoncontrollingInterests",
        "TemporaryEquityCarryingAmount",
        "TemporaryEquityCarryingAmountAttributableToParent",
        "RedeemableNoncontrollingInterestEquityCarryingAmount",
        "RedeemableNoncontrollingInterestEquityCommonCarryingAmount",
    ),
    "minority_interest": ("MinorityInterest", "ifrs-full:NoncontrollingInterests"),
    "additional_paid_in_capital": (
        "AdditionalPaidInCapital",
        "AdditionalPaidInCapitalCommonStock",
        "CommonStocksIncludingAdditionalPaidInCapital",
        "ifrs-full:SharePremium",
    ),
    "retained_earnings": ("RetainedEarningsAccumulatedDeficit", "ifrs-full:RetainedEarnings"),
    "accumulated_other_comprehensive_income": ("AccumulatedOtherComprehensiveIncomeLossNetOfTax",),
    "equity": (
        "StockholdersEquity",
        "StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest",
        "PartnersCapital",
        "MembersEquity",
        "ifrs-full:EquityAttributableToOwnersOfParent",
        "ifrs-full:Equity",
    ),
    "equity_with_minority": (
        "StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest",
        "PartnersCapitalIncludingPortionAttributableToNoncontrollingInterest",
        "ifrs-full:Equity",
    ),
    "liabilities_and_equity": ("LiabilitiesAndStockholdersEquity", "ifrs-full:EquityAndLiabilities"),
    "operating_cash_flow": (
        "NetCashProvidedByUsedInOperatingActivities",
        "NetCashProvidedByUsedInOperatingActivitiesContinuingOperations",
        "ifrs-full:CashFlowsFromUsedInOperatingActivities",
    ),
    "investing_cash_flow": (
        "NetCashProvidedByUsedInInvestingActivities",
        "NetCashProvidedByUsedInInvestingActivitiesContinuingOperations",
        "ifrs-full:CashFlowsFromUsedInInvestingActivities",
    ),
    "financing_cash_flow": (
        "NetCashProvidedByUsedInFinancingActivities",
        "NetCashProvidedByUsedInFinancingActivitiesContinuingOperations",
        "ifrs-full:CashFlowsFromUsedInFinancingActivities",
    ),
    "capital_expenditure": (
        "PaymentsToAcquirePropertyPlantAndEquipment",
        "PaymentsToAcquireProductiveAssets",
        "PaymentsToAcquireOtherPropertyPlantAndEquipment",
        "ifrs-full:PurchaseOfPropertyPlantAndEquipmentClassifiedAsInvestingActivities",
    ),
    "free_cash_flow": (),
    "acquisitions": (
        "PaymentsToAcquireBusinessesNetOfCashAcquired",
        "PaymentsToAcquireBusinessesAndInterestInAffiliates",
    ),
    "depreciation_and_amortization": (
        "DepreciationDepletionAndAmortization",
        "DepreciationAmortizationAndAccretionNet",
        "DepreciationAndAmortization",
        "ifrs-full:DepreciationAndAmortisationExpense",
    ),
    "stock_compensation": ("ShareBasedCompensation", "AllocatedShareBasedCompensationExpense"),
    "dividends_paid": (
        "PaymentsOfDividends",
        "PaymentsOfDividendsCommonStock",
        "ifrs-full:DividendsPaidClassifiedAsFinancingActivities",
    ),
    "share_repurchases": ("PaymentsForRepurchaseOfCommonStock", "PaymentsForRepurchaseOfEquity"),
    "share_issuance": (
        "ProceedsFromIssuanceOfCommonStock",
        "ProceedsFromIssuanceOrSaleOfEquity",
        "ProceedsFromStockOptionsExercised",
    ),
    "debt_issued": (
        "ProceedsFromIssuanceOfLongTermDebt",
        "ProceedsFromIssuanceOfDebt",
        "ProceedsFromDebtNetOfIssuanceCosts",
    ),
    "debt_repaid": ("RepaymentsOfLongTermDebt", "RepaymentsOfDebt", "RepaymentsOfNotesPayable"),
    "interest_paid": ("InterestPaidNet", "InterestPaid"),
    "income_taxes_paid": ("IncomeTaxesPaidNet", "IncomeTaxesPaid"),
    "eps_basic": (
        "EarningsPerShareBasic",
        "EarningsPerShareBasicAndDiluted",
        "ifrs-full:BasicEarningsLossPerShare",
    ),
    "eps_diluted": (
        "EarningsPerShareDiluted",
        "EarningsPerShareBasicAndDiluted",
        "ifrs-full:DilutedEarningsLossPerShare",
    ),
    "dividends_per_share": ("CommonStockDividendsPerShareDeclared", "CommonStockDividendsPerShareCashPaid"),
    "shares_basic": (
        "WeightedAverageNumberOfSharesOutstandingBasic",
        "WeightedAverageNumberOfShareOutstandingBasicAndDiluted",
        "ifrs-full:WeightedAverageShares",
    ),
    "shares_diluted": (
        "WeightedAverageNumberOfDilutedSharesOutstanding",
        "WeightedAverageNumberOfShareOutstandingBasicAndDiluted",
        "ifrs-full:AdjustedWeightedAverageShares",
    ),
    "shares_outstanding": (
        "dei:EntityCommonStockSharesOutstanding",
        "CommonStockSharesOutstanding",
        "ifrs-full:NumberOfSharesOutstanding",
    ),
}
"""The family of each metric for ordinary companies, and for the other kinds where `OF_KIND` has none."""

_BANK_REVENUE = ("RevenuesNetOfInterestExpense", "Revenues", "InterestAndDividendIncomeOperating", "ifrs-full:Revenue")

OF_KIND: dict[CompanyKind, dict[str, tuple[str, ...]]] = {
    "bank": {
        "revenue": _BANK_REVENUE,
        "cash": ("CashAndDueFromBanks", "CashAndCashEquivalentsAtCarryingValue", "ifrs-full:CashAndCashEquivalents"),
        "interest_expense": ("InterestExpense", "InterestExpenseOperating", "ifrs-full:InterestExpense"),
        "cost_of_revenue": (),
        "gross_profit": (),
        "long_term_debt": ("LongTermDebt", "LongTermDebtNoncurrent", "ifrs-full:NoncurrentBorrowings"),
    },
    "insurer": {
        "revenue": ("Revenues", "PremiumsEarnedNet", "ifrs-full:Revenue", "ifrs-full:InsuranceRevenue"),
        "cost_of_revenue": (),
        "gross_profit": (),
    },
    "reit": {
        "revenue": (
            "Revenues",
            "RealEstateRevenueNet",
            "OperatingLeaseLeaseIncome",
            "OperatingLeasesIncomeStatementLeaseRevenue",
            "RevenueFromContractWithCustomerExcludingAssessedTax",
            "InterestAndDividendIncomeOperating",
            "ifrs-full:Revenue",
        ),
        "property_plant_equipment": ("RealEstateInvestmentPropertyNet", "PropertyPlantAndEquipmentNet"),
        "capital_expenditure": (
            "PaymentsToAcquireRealEstateHeldForInvestment",
            "PaymentsToAcquireProductiveAssets",
            "PaymentsToAcquirePropertyPlantAndEquipment",
        ),
    },
    "utility": {
        "revenue": (
            "Revenues",
            "RegulatedAndUnregulatedOperatingRevenue",
            "UtilityRevenue",
            "ElectricUtilityRevenue",
            "RevenueFromContractWithCustomerExcludingAssessedTax",
            "SalesRevenueNet",
            "ifrs-full:Revenue",
        ),
        "property_plant_equipment": (
            "PublicUtilitiesPropertyPlantAndEquipmentNet",
            "PropertyPlantAndEquipmentNet",
        ),
    },
}
"""Families that differ for a kind of company; an empty one says that the kind has no such figure."""

WHOLES: dict[str, tuple[str, ...]] = {
    "revenue": (
        "Revenues",
        "RevenueFromContractWithCustomerExcludingAssessedTax",
        "SalesRevenueNet",
        "SalesRevenueGoodsNet",
    ),
}
"""Elements that companies use now for the whole, now for a part: of an ordinary company's the largest is the whole."""

_SIC: tuple[tuple[int, int, CompanyKind], ...] = (
    (4900, 4991, "utility"),
    (6000, 6199, "bank"),
    (6300, 6411, "insurer"),
    (6500, 6552, "reit"),
    (6798, 6798, "reit"),
)
"""Ranges of Standard Industrial Classification codes, both ends included."""

_TELLTALE: tuple[tuple[CompanyKind, tuple[str, ...]], ...] = (
    ("bank", ("Deposits", "NoninterestIncome", "InterestAndDividendIncomeOperating")),
    ("insurer", ("PremiumsEarnedNet", "PolicyholderBenefitsAndClaimsIncurredNet")),
)
"""What shows the kind of a company whose code is not known, unless it tells current assets."""


def told_as(concept: str) -> str:
    """A concept of a family with its taxonomy, as raw facts have both: `us-gaap:Assets`."""
    return concept if ":" in concept else f"us-gaap:{concept}"


def family_frame() -> pl.DataFrame:
    """The families as rows: kind, taxonomy, concept, metric, rank (0 is preferred), measure, unit_kind."""
    rows = []
    for kind in KINDS:
        for metric in METRICS:
            family = OF_KIND.get(kind, {}).get(metric.name, FAMILIES[metric.name])
            for rank, concept in enumerate(family):
                taxonomy, _, name = told_as(concept).partition(":")
                rows.append((kind, taxonomy, name, metric.name, rank, metric.measure, metric.unit))
    names = ("kind", "taxonomy", "concept", "metric", "rank", "measure", "unit_kind")
    schema = {name: pl.Int32 if name == "rank" else pl.String for name in names}
    return pl.DataFrame(rows, schema=schema, orient="row")


def relevant() -> pl.Expr:
    """Whether a raw fact's concept is in any family: most are not, and need not be held in memory."""
    families = [*FAMILIES.values(), *(family for of in OF_KIND.values() for family in of.values())]
    named = {told_as(concept).partition(":")[::2] for family in families for concept in family}
    taxonomies = sorted({taxonomy for taxonomy, _ in named})
    chosen = [
        (pl.col("taxonomy") == taxonomy) & pl.col("concept").is_in(sorted(name for of, name in named if of == taxonomy))
        for taxonomy in taxonomies
    ]
    return pl.any_horizontal(chosen)


def kinds_of(companies: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """
    The kind of every company with facts: cik, kind.

    By its industry's code in `companies` (cik, sic); where that is unknown, by what `facts` (cik, concept) tell.
    """
    sic = pl.col("sic")
    by_code = pl.coalesce(pl.when(sic.is_between(low, high)).then(pl.lit(kind)) for low, high, kind in _SIC)
    coded = companies.filter(sic.is_not_null()).select("cik", kind=by_code.fill_null("ordinary"))
    concepts = facts.group_by("cik").agg(
        pl.col("concept").is_in(["AssetsCurrent"]).any().alias("current"),
        *(pl.col("concept").is_in(list(names)).any().alias(kind) for kind, names in _TELLTALE),
    )
    shown = pl.coalesce(pl.when(~pl.col("current") & pl.col(kind)).then(pl.lit(kind)) for kind, _ in _TELLTALE)
    return (
        concepts.join(coded.unique("cik", keep="last", maintain_order=True), on="cik", how="left")
        .select("cik", kind=pl.coalesce("kind", shown.fill_null("ordinary")))
        .sort("cik")
    )
