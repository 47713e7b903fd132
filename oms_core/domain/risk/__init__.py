"""Pre-trade risk: an order, its market and its account in one context; every rule's verdict on it."""

from oms_core.domain.risk.context import (
    NO_AGE_LIMIT,
    AccountTerms,
    AlgoTime,
    InstrumentTerms,
    RiskContext,
)
from oms_core.domain.risk.registry import RULES
from oms_core.domain.risk.verdict import Verdict, check_risk
from oms_platform.risk_book import RuleBook

__all__ = [
    "NO_AGE_LIMIT",
    "RULES",
    "AccountTerms",
    "AlgoTime",
    "InstrumentTerms",
    "RiskContext",
    "RuleBook",
    "Verdict",
    "check_risk",
]
