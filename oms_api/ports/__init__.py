"""What the handlers need from outside, by subject, and all of it put together."""

from dataclasses import dataclass, field

from oms_api.domain.question_places import QuestionPlaces
from oms_api.ports.accounts import (
    AccountBooks,
    BusyAccount,
    CashEntryView,
    LoadedView,
    Marks,
    NewEntry,
    NewRename,
    NewSplit,
    NotRenamed,
    NotSplit,
    NotTakenView,
    OpeningLine,
    OtherEntry,
    PnlView,
    RenameLineView,
    RenameView,
    SplitLineView,
    SplitView,
    Standing,
    TooLittleCash,
    UnsettledView,
)
from oms_api.ports.callers import Authenticator, BrokerState, RateLimiter, RateStanding
from oms_api.ports.chaos import ChaosDoor
from oms_api.ports.desk import (
    BreakView,
    ClosedPositionView,
    CoveredPositionView,
    EffectView,
    ExceptionDesk,
    ExceptionFilter,
    ExceptionView,
    FixCommandView,
    FixSessionDesk,
    FixSessionView,
    HeldShares,
    OutstandingView,
    Reconciliations,
    ReconciliationView,
    SwitchDesk,
    SwitchDetail,
    SwitchView,
    TriggerView,
)
from oms_api.ports.fix_clients import FixClient, FixClients, FixOrders, Replacement
from oms_api.ports.intake import (
    KINDS,
    MESSAGES,
    Backlog,
    CancelDesk,
    ChangeMessage,
    NewChange,
    NewOrder,
    OrderIntake,
    OrderKeys,
    Request,
    RequestKeys,
    RequestLine,
    RowRefused,
    StoredRequest,
)
from oms_api.ports.limits import (
    Contradicting,
    LimitChange,
    LimitChangeView,
    LimitDesk,
    LimitFilter,
    LimitView,
    NotChanged,
    NothingSet,
    OtherVersion,
    UnknownNames,
)
from oms_api.ports.locates import (
    EasyView,
    LocateDesk,
    LocateFilter,
    LocateLine,
    LocateView,
    OtherDay,
)
from oms_api.ports.market import (
    AccountChange,
    AccountView,
    BookView,
    Catalog,
    HaltView,
    InstrumentChange,
    InstrumentView,
    KnownNames,
    LevelView,
    MarketData,
    MarketDesk,
    NewAccount,
    NewInstrument,
    QuoteView,
    ReferenceData,
    VenueBookView,
    VenueView,
)
from oms_api.ports.orders import (
    ChangeFilter,
    ChangeView,
    ChildView,
    EventView,
    ExecutionFilter,
    ExecutionKey,
    ExecutionView,
    HeldPosition,
    Instant,
    OrderFilter,
    OrderReader,
    OrderView,
    PositionView,
    Records,
    RequestFilter,
    RequestView,
    RouteView,
    StoredRoute,
    View,
    plan_with_explanation,
)
from oms_api.ports.overrides import (
    Denied,
    NamedOrder,
    NewOverride,
    OverrideDesk,
    OverrideFilter,
    OverrideView,
    RuleLetPass,
)
from oms_api.ports.post_trade import (
    AlertDesk,
    AlertFilter,
    FindingFilter,
    FindingView,
    RiskAlertView,
    SurveillanceDesk,
    SurveillanceReportView,
)
from oms_api.ports.refused import (
    BusyError,
    IntakeFullError,
    RoutingRefusedError,
    SessionLostError,
    TooLateError,
    UnavailableError,
)
from oms_api.ports.routing import (
    AccountRouting,
    Explained,
    ProfileView,
    QualityQuestion,
    QualityRow,
    QualityView,
    RiskDesk,
    RiskView,
    Router,
    RoutingAdmin,
    ScorecardView,
    WhatIf,
)
from oms_api.ports.streams import (
    AccountSnapshot,
    AlertView,
    DeskState,
    EncodedEvent,
    EventStore,
    LiveQuotes,
    OutcomeStore,
    StreamedEvent,
    StreamedPosition,
)
from oms_platform.kill_switches import KillBoard
from oms_platform.telemetry.tracing import Tracer

__all__ = [
    "ChaosDoor",
    "RenameLineView",
    "RenameView",
    "NewRename",
    "NotRenamed",
    "SplitView",
    "SplitLineView",
    "NotSplit",
    "NotTakenView",
    "NewSplit",
    "UnsettledView",
    "TooLittleCash",
    "Standing",
    "PnlView",
    "OtherEntry",
    "OpeningLine",
    "NewEntry",
    "Marks",
    "LoadedView",
    "HeldPosition",
    "HeldShares",
    "CashEntryView",
    "BusyAccount",
    "AccountBooks",
    "KINDS",
    "MESSAGES",
    "ChangeMessage",
    "StoredRequest",
    "AccountChange",
    "AccountRouting",
    "AccountSnapshot",
    "AccountView",
    "AlertDesk",
    "AlertFilter",
    "AlertView",
    "Authenticator",
    "Backlog",
    "BookView",
    "BreakView",
    "BrokerState",
    "BusyError",
    "CancelDesk",
    "Catalog",
    "ChangeFilter",
    "ChangeView",
    "ChildView",
    "Contradicting",
    "Denied",
    "DeskState",
    "ClosedPositionView",
    "CoveredPositionView",
    "EasyView",
    "EffectView",
    "EncodedEvent",
    "EventStore",
    "EventView",
    "ExceptionDesk",
    "ExceptionFilter",
    "ExceptionView",
    "ExecutionFilter",
    "ExecutionKey",
    "ExecutionView",
    "Explained",
    "FindingFilter",
    "FindingView",
    "FixClient",
    "FixClients",
    "FixCommandView",
    "FixOrders",
    "FixSessionDesk",
    "FixSessionView",
    "Instant",
    "HaltView",
    "InstrumentChange",
    "InstrumentView",
    "IntakeFullError",
    "KnownNames",
    "LevelView",
    "LimitChange",
    "LimitChangeView",
    "LimitDesk",
    "LimitFilter",
    "LimitView",
    "LiveQuotes",
    "LocateDesk",
    "LocateFilter",
    "LocateLine",
    "LocateView",
    "MarketData",
    "MarketDesk",
    "NamedOrder",
    "NewAccount",
    "NewChange",
    "NewInstrument",
    "NewOrder",
    "NewOverride",
    "NotChanged",
    "NothingSet",
    "OrderFilter",
    "OrderIntake",
    "OrderKeys",
    "OrderReader",
    "OrderView",
    "OtherDay",
    "OtherVersion",
    "OutcomeStore",
    "OverrideDesk",
    "OverrideFilter",
    "OverrideView",
    "OutstandingView",
    "Ports",
    "PositionView",
    "ProfileView",
    "QualityQuestion",
    "QualityRow",
    "QualityView",
    "QuoteView",
    "RateLimiter",
    "RateStanding",
    "ReconciliationView",
    "Reconciliations",
    "Records",
    "ReferenceData",
    "Request",
    "Replacement",
    "RequestFilter",
    "RequestKeys",
    "RequestLine",
    "RequestView",
    "RiskAlertView",
    "RiskDesk",
    "RiskView",
    "RouteView",
    "Router",
    "RoutingAdmin",
    "RoutingRefusedError",
    "RowRefused",
    "RuleLetPass",
    "ScorecardView",
    "SessionLostError",
    "StoredRoute",
    "StreamedEvent",
    "StreamedPosition",
    "SurveillanceDesk",
    "SurveillanceReportView",
    "SwitchDesk",
    "SwitchDetail",
    "SwitchView",
    "TriggerView",
    "TooLateError",
    "UnavailableError",
    "UnknownNames",
    "VenueBookView",
    "VenueView",
    "View",
    "WhatIf",
    "plan_with_explanation",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything that the handlers need, put together by bootstrap."""

    intake: OrderIntake
    cancels: CancelDesk
    keys: OrderKeys
    request_keys: RequestKeys
    backlog: Backlog
    reader: OrderReader
    reference: ReferenceData
    limiter: RateLimiter
    cancel_limiter: RateLimiter
    question_limiter: RateLimiter
    authenticator: Authenticator
    router: Router
    risk: RiskDesk
    routing_admin: RoutingAdmin
    exceptions: ExceptionDesk
    switches: SwitchDesk
    kills: KillBoard
    limits: LimitDesk
    overrides: OverrideDesk
    locates: LocateDesk
    books: AccountBooks
    marks: Marks
    market: MarketDesk
    reconciliations: Reconciliations
    alerts: AlertDesk
    surveillance: SurveillanceDesk
    catalog: Catalog
    records: Records
    fix_sessions: FixSessionDesk
    market_data: MarketData
    tracer: Tracer = field(default_factory=Tracer)
    question_places: QuestionPlaces = field(default_factory=QuestionPlaces)
