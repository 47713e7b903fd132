"""What FIX 4.4 calls the tags and codes that an equity order's messages use: for showing them to people."""

from typing import Final

MESSAGES: Final = {
    "0": "Heartbeat",
    "1": "TestRequest",
    "2": "ResendRequest",
    "3": "Reject",
    "4": "SequenceReset",
    "5": "Logout",
    "8": "ExecutionReport",
    "9": "OrderCancelReject",
    "A": "Logon",
    "D": "NewOrderSingle",
    "F": "OrderCancelRequest",
    "G": "OrderCancelReplaceRequest",
    "H": "OrderStatusRequest",
    "j": "BusinessMessageReject",
}
TAGS: Final = {
    1: "Account", 6: "AvgPx", 11: "ClOrdID", 14: "CumQty", 17: "ExecID", 18: "ExecInst", 19: "ExecRefID",
    20: "ExecTransType", 21: "HandlInst", 29: "LastCapacity", 30: "LastMkt", 31: "LastPx", 32: "LastQty",
    36: "NewSeqNo", 37: "OrderID", 38: "OrderQty", 39: "OrdStatus", 40: "OrdType", 41: "OrigClOrdID",
    43: "PossDupFlag", 44: "Price", 45: "RefSeqNum", 54: "Side", 55: "Symbol", 58: "Text", 59: "TimeInForce",
    60: "TransactTime", 75: "TradeDate", 97: "PossResend", 99: "StopPx", 102: "CxlRejReason",
    103: "OrdRejReason", 110: "MinQty", 111: "MaxFloor", 122: "OrigSendingTime", 150: "ExecType",
    151: "LeavesQty", 198: "SecondaryOrderID", 354: "EncodedTextLen", 355: "EncodedText", 371: "RefTagID",
    372: "RefMsgType", 373: "SessionRejectReason", 378: "ExecRestatementReason", 379: "BusinessRejectRefID",
    380: "BusinessRejectReason", 434: "CxlRejResponseTo", 790: "OrdStatusReqID", 851: "LastLiquidityInd",
}  # fmt: skip
CODES: Final = {
    39: {
        "0": "New", "1": "Partially filled", "2": "Filled", "3": "Done for day", "4": "Canceled",
        "5": "Replaced", "6": "Pending cancel", "7": "Stopped", "8": "Rejected", "9": "Suspended",
        "A": "Pending new", "B": "Calculated", "C": "Expired", "E": "Pending replace",
    },
    40: {"1": "Market", "2": "Limit"},
    54: {"1": "Buy", "2": "Sell", "5": "Sell short"},
    59: {"0": "Day", "1": "Good till cancel", "3": "Immediate or cancel", "4": "Fill or kill"},
    102: {
        "0": "Too late to cancel", "1": "Unknown order", "2": "Broker option", "3": "Already pending",
        "6": "Duplicate ClOrdID", "99": "Other",
    },
    103: {
        "0": "Broker option", "1": "Unknown symbol", "2": "Exchange closed", "3": "Order exceeds limit",
        "4": "Too late to enter", "5": "Unknown order", "6": "Duplicate order",
        "11": "Unsupported characteristic",
        "13": "Incorrect quantity", "99": "Other",
    },
    150: {
        "0": "New", "1": "Partial fill", "2": "Fill", "3": "Done for day", "4": "Canceled", "5": "Replaced",
        "6": "Pending cancel", "7": "Stopped", "8": "Rejected", "9": "Suspended", "A": "Pending new",
        "B": "Calculated", "C": "Expired", "D": "Restated", "E": "Pending replace", "F": "Trade",
        "G": "Trade correct", "H": "Trade cancel", "I": "Order status",
    },
    851: {"1": "Added liquidity", "2": "Removed liquidity", "3": "Routed out"},
}  # fmt: skip
