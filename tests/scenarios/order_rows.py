"""FIX 4.4 Appendix D as a client of this platform sees its order: each row by its number, step by step.

A line is an act, and OrdStatus, OrderQty, CumQty and LeavesQty after it; where the act has an answer of its
own, the event that it is. An order is one of 10,000 shares, and its first route one child of all of them.
Whatever the order has to route then is taken by a venue at once, whole. OrdStatus: N New, PF PartiallyFilled,
F Filled, PC PendingCancel, PR PendingReplace, S Suspended, C Canceled, X Expired, REJ Rejected.

Acts: `new`, `new IOC` (FOK, GTC); `denied` by risk; `trade N`, of the oldest child first; `cancel`; `replace
N @P`, either left out; `suspend`; `resume`; `session ends`. Of the child that is to be made smaller where it
is: `venues replace` (150=5), `venues refuse` (35=9 to 35=G). Of every live child: `venues cancel`, `venues
keep` (35=9 to 35=F), `venues reject`, `venues are done` (DoneForDay), `venues have N` (Restated). `bust K`
takes the K-th trade back, `reopen K` does so and works its shares again, `correct K N @P` corrects it.
"""

import re
from dataclasses import dataclass
from typing import Final

_ROWS: Final = {
    "A.1.a filled": """
        new                 N    10000      0  10000
        trade 2000          PF   10000   2000   8000
        trade 1000          PF   10000   3000   7000
        trade 7000          F    10000  10000      0
    """,
    "A.1.b partly filled, done for the day": """
        new                 N    10000      0  10000
        trade 2000          PF   10000   2000   8000
        trade 1000          PF   10000   3000   7000
        venues are done     PF   10000   3000   7000
        session ends        PC   10000   3000   7000
        venues cancel       X    10000   3000      0   OrderExpired
    """,
    "A.1.c rejected": """
        denied              REJ  10000      0      0   OrderDenied
    """,
    "A.1.c rejected by a venue, which others are not": """
        new                 N    10000      0  10000
        venues reject       N    10000      0  10000
        trade 10000         F    10000  10000      0
    """,
    "B.1.a canceled without a fill": """
        new                 N    10000      0  10000
        cancel              PC   10000      0  10000   CancelRequested
        venues cancel       C    10000      0      0   OrderCanceled
    """,
    "B.1.a cancel rejected": """
        new                 N    10000      0  10000
        cancel              PC   10000      0  10000   CancelRequested
        venues keep         N    10000      0  10000   CancelRejected
        trade 10000         F    10000  10000      0
    """,
    "B.1.b canceled while it fills": """
        new                 N    10000      0  10000
        trade 2000          PF   10000   2000   8000
        trade 3000          PF   10000   5000   5000
        cancel              PC   10000   5000   5000   CancelRequested
        trade 1000          PC   10000   6000   4000
        venues cancel       C    10000   6000      0   OrderCanceled
    """,
    "B.1.c filled before it could be canceled": """
        new                 N    10000      0  10000
        trade 2000          PF   10000   2000   8000
        trade 3000          PF   10000   5000   5000
        cancel              PC   10000   5000   5000   CancelRequested
        trade 5000          F    10000  10000      0   CancelRejected
        cancel              F    10000  10000      0   CancelRejected
    """,
    "B.1.d a second cancel while one is pending": """
        new                 N    10000      0  10000
        cancel              PC   10000      0  10000   CancelRequested
        cancel              PC   10000      0  10000   CancelRejected
        venues cancel       C    10000      0      0   OrderCanceled
        cancel              C    10000      0      0   CancelRejected
    """,
    "C.1.a more shares, without a fill": """
        new                 N    10000      0  10000
        replace 11000       N    11000      0  11000   OrderReplaced
        trade 1000          PF   11000   1000  10000
        trade 10000         F    11000  11000      0
    """,
    "C.1.b more shares of a partly filled order": """
        new                 N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        replace 12000       PF   12000   1000  11000   OrderReplaced
        trade 100           PF   12000   1100  10900
        trade 10900         F    12000  12000      0
    """,
    "C.1.b more shares at another price, filled while it is pending": """
        new                 N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        replace 12000 @101  PR   10000   1000   9000   ReplaceRequested
        trade 100           PR   10000   1100   8900
        venues cancel       PF   12000   1100  10900   OrderReplaced
        trade 10900         F    12000  12000      0
    """,
    "C.1.c more shares of a filled order": """
        new                 N    10000      0  10000
        trade 10000         F    10000  10000      0
        replace 12000       PF   12000  10000   2000   OrderReplaced
        trade 2000          F    12000  12000      0
    """,
    "C.1.c filled while more shares at another price are pending": """
        new                 N    10000      0  10000
        replace 12000 @101  PR   10000      0  10000   ReplaceRequested
        trade 10000         PF   12000  10000   2000   OrderReplaced
        trade 2000          F    12000  12000      0
    """,
    "C.2.a filled before another price could be": """
        new                 N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        replace @101        PR   10000   1000   9000   ReplaceRequested
        trade 9000          F    10000  10000      0   ReplaceRejected
        replace @101        F    10000  10000      0   ReplaceRejected
    """,
    "C.3.a fewer shares, filled while it is pending": """
        new                 N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        replace 8000        PR   10000   1000   9000   ReplaceRequested
        trade 500           PR   10000   1500   8500
        trade 100           PR   10000   1600   8400
        venues replace      PF    8000   1600   6400   OrderReplaced
        trade 6400          F     8000   8000      0
    """,
    "C.3.a fewer shares, which the venue does not replace": """
        new                 N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        replace 8000        PR   10000   1000   9000   ReplaceRequested
        venues refuse       PR   10000   1000   9000
        trade 500           PR   10000   1500   8500
        venues cancel       PF    8000   1500   6500   OrderReplaced
        trade 6500          F     8000   8000      0
    """,
    "C.3.b fewer shares, and they are done": """
        new                 N    10000      0  10000
        replace 7000        PR   10000      0  10000   ReplaceRequested
        trade 7000          PR   10000   7000   3000
        venues replace      F     7000   7000      0   OrderReplaced
    """,
    "C.3.c fewer shares than are done": """
        new                 N    10000      0  10000
        replace 7000        PR   10000      0  10000   ReplaceRequested
        trade 8000          PR   10000   8000   2000
        venues replace      F     8000   8000      0   OrderReplaced
    """,
    "D.1.a replaced, and replaced again": """
        new                 N    10000      0  10000
        replace 8000        PR   10000      0  10000   ReplaceRequested
        venues replace      N     8000      0   8000   OrderReplaced
        trade 1000          PF    8000   1000   7000
        replace 6000        PR    8000   1000   7000   ReplaceRequested
        venues replace      PF    6000   1000   5000   OrderReplaced
        trade 5000          F     6000   6000      0
    """,
    "D.1.b the first rejected before it was pending": """
        new                 N    10000      0  10000
        replace @900        N    10000      0  10000   ReplaceRejected
        replace 8000        PR   10000      0  10000   ReplaceRequested
        venues replace      N     8000      0   8000   OrderReplaced
    """,
    "D.1.c the first rejected while it was pending": """
        new                 N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        replace 8000        PR   10000   1000   9000   ReplaceRequested
        venues refuse       PR   10000   1000   9000
        venues keep         PF   10000   1000   9000   ReplaceRejected
        replace 9000        PR   10000   1000   9000   ReplaceRequested
        venues cancel       PF    9000   1000   8000   OrderReplaced
        trade 8000          F     9000   9000      0
    """,
    "D.2.a one behind the other": """
        new                 N    10000      0  10000
        replace 11000       N    11000      0  11000   OrderReplaced
        replace 12000       N    12000      0  12000   OrderReplaced
        trade 12000         F    12000  12000      0
    """,
    "D.2.c a second while one is pending": """
        new                 N    10000      0  10000
        replace 8000        PR   10000      0  10000   ReplaceRequested
        replace 6000        PR   10000      0  10000   ReplaceRejected
        venues replace      N     8000      0   8000   OrderReplaced
    """,
    "D a cancel while a replace is pending": """
        new                 N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        replace 8000        PR   10000   1000   9000   ReplaceRequested
        cancel              PC   10000   1000   9000   ReplaceRejected
        venues replace      PC   10000   1000   9000
        venues cancel       C    10000   1000      0   OrderCanceled
    """,
    "D a replace while a cancel is pending": """
        new                 N    10000      0  10000
        cancel              PC   10000      0  10000   CancelRequested
        replace 8000        PC   10000      0  10000   ReplaceRejected
        venues cancel       C    10000      0      0   OrderCanceled
        replace 8000        C    10000      0      0   ReplaceRejected
    """,
    "D a session's end while a replace is pending": """
        new                 N    10000      0  10000
        replace 8000        PR   10000      0  10000   ReplaceRequested
        session ends        PC   10000      0  10000   ReplaceRejected
        venues refuse       PC   10000      0  10000
        venues cancel       X    10000      0      0   OrderExpired
    """,
    "D a replace that a venue grants after its session's end": """
        new                 N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        replace 8000        PR   10000   1000   9000   ReplaceRequested
        session ends        PC   10000   1000   9000   ReplaceRejected
        venues replace      PC   10000   1000   9000
        venues cancel       X    10000   1000      0   OrderExpired
    """,
    "D a replace after a session's end": """
        new                 N    10000      0  10000
        session ends        PC   10000      0  10000   CancelRequested
        replace 12000       PC   10000      0  10000   ReplaceRejected
        venues cancel       X    10000      0      0   OrderExpired
        replace 12000       X    10000      0      0   ReplaceRejected
    """,
    "B a fill that crosses its session's end": """
        new                 N    10000      0  10000
        trade 2000          PF   10000   2000   8000
        session ends        PC   10000   2000   8000   CancelRequested
        trade 1000          PC   10000   3000   7000
        venues cancel       X    10000   3000      0   OrderExpired
    """,
    "B filled before its session's end could take it back": """
        new                 N    10000      0  10000
        session ends        PC   10000      0  10000   CancelRequested
        trade 10000         F    10000  10000      0   CancelRejected
    """,
    "B a cancel that is pending when its session ends": """
        new                 N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        cancel              PC   10000   1000   9000   CancelRequested
        session ends        PC   10000   1000   9000
        trade 500           PC   10000   1500   8500
        venues cancel       C    10000   1500      0   OrderCanceled
    """,
    "B a cancel after a session's end": """
        new                 N    10000      0  10000
        session ends        PC   10000      0  10000   CancelRequested
        cancel              PC   10000      0  10000   CancelRejected
        venues cancel       X    10000      0      0   OrderExpired
    """,
    "B a session's end that its venue does not follow": """
        new                 N    10000      0  10000
        session ends        PC   10000      0  10000   CancelRequested
        venues keep         N    10000      0  10000   CancelRejected
        trade 4000          PF   10000   4000   6000
        cancel              PC   10000   4000   6000   CancelRequested
        venues cancel       C    10000   4000      0   OrderCanceled
    """,
    "E.1.a a venue cancels of itself": """
        new                 N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        venues cancel       PF   10000   1000   9000
        trade 9000          F    10000  10000      0
    """,
    "E.1.c a venue takes shares off of itself": """
        new                 N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        venues have 6000    PF   10000   1000   9000
        trade 9000          F    10000  10000      0
    """,
    "H immediate or cancel": """
        new IOC             N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        venues cancel       C    10000   1000      0   OrderCanceled
    """,
    "H fill or kill": """
        new FOK             N    10000      0  10000
        venues cancel       C    10000      0      0   OrderCanceled
    """,
    "GT good till canceled over a session's end": """
        new GTC             N    10000      0  10000
        trade 2000          PF   10000   2000   8000
        session ends        PF   10000   2000   8000
        trade 1000          PF   10000   3000   7000
        replace 12000       PF   12000   3000   9000   OrderReplaced
        trade 9000          F    12000  12000      0
    """,
    "GT a replace that is pending over a session's end": """
        new GTC             N    10000      0  10000
        replace 12000 @101  PR   10000      0  10000   ReplaceRequested
        session ends        PR   10000      0  10000
        trade 1000          PR   10000   1000   9000
        venues cancel       PF   12000   1000  11000   OrderReplaced
        trade 11000         F    12000  12000      0
    """,
    "GT a cancel that is pending over a session's end": """
        new GTC             N    10000      0  10000
        cancel              PC   10000      0  10000   CancelRequested
        session ends        PC   10000      0  10000
        venues cancel       C    10000      0      0   OrderCanceled
    """,
    "GT a trade of an order that its session ended is taken back": """
        new                 N    10000      0  10000
        trade 4000          PF   10000   4000   6000
        session ends        PC   10000   4000   6000   CancelRequested
        venues cancel       X    10000   4000      0   OrderExpired
        bust 1              X    10000      0      0   TradeCorrected
    """,
    "I.1.a a trade of a live order is taken back": """
        new                 N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        trade 2000          PF   10000   3000   7000
        reopen 1            PF   10000   2000   8000   TradeCorrected
        reopen 2            N    10000      0  10000   TradeCorrected
    """,
    "I.1.b a trade of a filled order is taken back": """
        new                 N    10000      0  10000
        trade 4000          PF   10000   4000   6000
        trade 6000          F    10000  10000      0
        bust 2              PF   10000   4000   6000   TradeCorrected
        trade 6000          F    10000  10000      0
    """,
    "I.1.c a trade of a canceled order is taken back": """
        new                 N    10000      0  10000
        trade 5000          PF   10000   5000   5000
        cancel              PC   10000   5000   5000   CancelRequested
        venues cancel       C    10000   5000      0   OrderCanceled
        bust 1              C    10000      0      0   TradeCorrected
    """,
    "I a trade is taken back while a replace is pending": """
        new                 N    10000      0  10000
        trade 5000          PF   10000   5000   5000
        replace 8000        PR   10000   5000   5000   ReplaceRequested
        reopen 1            PR   10000      0  10000   TradeCorrected
        venues replace      N     8000      0   8000   OrderReplaced
    """,
    "J.1.a a trade of a live order is corrected": """
        new                 N    10000      0  10000
        trade 3000          PF   10000   3000   7000
        correct 1 2000 @99  PF   10000   2000   8000   TradeCorrected
        correct 1 4000 @99  PF   10000   4000   6000   TradeCorrected
    """,
    "suspended and resumed": """
        new                 N    10000      0  10000
        trade 1000          PF   10000   1000   9000
        suspend             S    10000   1000   9000   OrderSuspended
        trade 500           S    10000   1500   8500
        venues cancel       S    10000   1500   8500
        resume              PF   10000   1500   8500   OrderResumed
        trade 8500          F    10000  10000      0
    """,
    "suspended twice, resumed twice": """
        new                 N    10000      0  10000
        resume              N    10000      0  10000   ResumeRejected
        suspend             S    10000      0  10000   OrderSuspended
        suspend             S    10000      0  10000   SuspendRejected
        venues cancel       S    10000      0  10000
        resume              N    10000      0  10000   OrderResumed
        resume              N    10000      0  10000   ResumeRejected
        trade 10000         F    10000  10000      0
        suspend             F    10000  10000      0   SuspendRejected
        resume              F    10000  10000      0   ResumeRejected
    """,
    "suspended, and a venue keeps it": """
        new                 N    10000      0  10000
        suspend             S    10000      0  10000   OrderSuspended
        venues keep         S    10000      0  10000
        trade 10000         F    10000  10000      0
    """,
    "suspended, replaced and canceled": """
        new                 N    10000      0  10000
        suspend             S    10000      0  10000   OrderSuspended
        replace 12000       S    12000      0  12000   OrderReplaced
        replace @101        PR   12000      0  12000   ReplaceRequested
        venues cancel       S    12000      0  12000   OrderReplaced
        cancel              C    12000      0      0   OrderCanceled
        resume              C    12000      0      0   ResumeRejected
    """,
    "suspended until its session ends": """
        new                 N    10000      0  10000
        suspend             S    10000      0  10000   OrderSuspended
        venues cancel       S    10000      0  10000
        session ends        X    10000      0      0   OrderExpired
        suspend             X    10000      0      0   SuspendRejected
    """,
    "suspended while a replace is pending": """
        new                 N    10000      0  10000
        replace 8000        PR   10000      0  10000   ReplaceRequested
        suspend             PR   10000      0  10000   OrderSuspended
        venues replace      S     8000      0   8000   OrderReplaced
        venues cancel       S     8000      0   8000
        resume              N     8000      0   8000   OrderResumed
    """,
    "suspended while a cancel is pending": """
        new                 N    10000      0  10000
        cancel              PC   10000      0  10000   CancelRequested
        suspend             PC   10000      0  10000   SuspendRejected
        resume              PC   10000      0  10000   ResumeRejected
        venues cancel       C    10000      0      0   OrderCanceled
    """,
    "a trade of a suspended order that was filled is taken back": """
        new                 N    10000      0  10000
        suspend             S    10000      0  10000   OrderSuspended
        trade 10000         F    10000  10000      0
        bust 1              S    10000      0  10000   TradeCorrected
        resume              N    10000      0  10000   OrderResumed
    """,
}
_NAMES: Final = {
    "N": "ACKNOWLEDGED",
    "PF": "PARTIALLY_FILLED",
    "F": "FILLED",
    "PC": "PENDING_CANCEL",
    "PR": "PENDING_REPLACE",
    "S": "SUSPENDED",
    "C": "CANCELED",
    "X": "EXPIRED",
    "REJ": "REJECTED",
}
_LINE: Final = re.compile(r"(.+?)\s{2,}([A-Z]+)\s+(\d+)\s+(\d+)\s+(\d+)(?:\s+(\w+))?")


@dataclass(frozen=True)
class Line:
    """One act of a row.

    state: OrdStatus, OrderQty, CumQty, LeavesQty after it. says: an event that it makes, empty for any.
    """

    act: str
    numbers: tuple[int, ...]
    price: int | None
    force: str
    state: tuple[str, int, int, int]
    says: str


def _line(text: str) -> Line:
    found = _LINE.fullmatch(text.strip())
    assert found is not None, text
    words = found[1].split()
    status, *quantities = found.group(2, 3, 4, 5)
    return Line(
        act=" ".join(word for word in words if word.islower()),
        numbers=tuple(int(word) for word in words if word.isdigit()),
        price=next((int(word[1:]) for word in words if word.startswith("@")), None),
        force=next((word for word in words if word.isupper()), "DAY"),
        state=(_NAMES[status], *(int(quantity) for quantity in quantities)),  # type: ignore[arg-type]
        says=found[6] or "",
    )


ROWS: Final = {name: tuple(_line(text) for text in rows.strip().splitlines()) for name, rows in _ROWS.items()}
