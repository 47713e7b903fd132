import java.math.BigDecimal;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import quickfix.FieldNotFound;
import quickfix.Message;
import quickfix.Session;
import quickfix.SessionID;
import quickfix.UnsupportedMessageType;
import quickfix.field.*;
import quickfix.fix44.ExecutionReport;
import quickfix.fix44.OrderCancelReject;

/**
 * What the venue does with orders: a rule without a market. Each order's dice say whether it is refused, trades at
 * once, in parts, later, or rests. Every order and report is in the journal before it is said.
 */
final class Matching {
    private static final int REFUSED_PERCENT = 4;
    private static final int WHOLE_PERCENT = 40;
    private static final int PARTS_PERCENT = 40;
    private static final int CROSSED_PERCENT = 15;
    private static final int KEPT_PERCENT = 4;
    private static final int PENDING_PERCENT = 30;
    private static final int LATER_MS = 400;
    private final Journal journal;
    private final long seed;
    private final ScheduledExecutorService later = Executors.newSingleThreadScheduledExecutor();
    private final Map<String, VenueOrder> orders = new HashMap<>();
    private final Map<String, BigDecimal> prices = new HashMap<>();
    private final Set<SessionID> still = new HashSet<>();
    private long numbers;

    Matching(Journal journal, long seed) {
        this.journal = journal;
        this.seed = seed;
    }

    /** While a session is still, nothing happens to its orders by itself. */
    synchronized void hold(SessionID session, boolean held) {
        if (held) {
            still.add(session);
        } else {
            still.remove(session);
        }
    }

    synchronized void take(Message message, SessionID session) throws FieldNotFound, UnsupportedMessageType {
        switch (message.getHeader().getString(MsgType.FIELD)) {
            case MsgType.ORDER_SINGLE -> takeOrder(message, session);
            case MsgType.ORDER_CANCEL_REQUEST -> takeCancel(message, session);
            case MsgType.ORDER_STATUS_REQUEST -> answerStatus(message, session);
            default -> throw new UnsupportedMessageType();
        }
    }

    private void takeOrder(Message message, SessionID session) throws FieldNotFound {
        String clOrdId = message.getString(ClOrdID.FIELD);
        String symbol = message.getString(Symbol.FIELD);
        VenueOrder known = orders.get(clOrdId);
        if (known != null) {
            ExecutionReport report = report(known, ExecType.REJECTED, nextId("R"));
            report.set(new OrdRejReason(OrdRejReason.DUPLICATE_ORDER));
            journal.write("record", "duplicate", "cl_ord_id", clOrdId);
            send(report, session);
            return;
        }
        if (message.isSetField(Price.FIELD)) {
            prices.put(symbol, message.getDecimal(Price.FIELD));
        }
        char timeInForce = message.isSetField(TimeInForce.FIELD) ? message.getChar(TimeInForce.FIELD) : TimeInForce.DAY;
        VenueOrder order = new VenueOrder(
                session,
                nextId("O"),
                clOrdId,
                symbol,
                message.getChar(Side.FIELD),
                message.getDecimal(OrderQty.FIELD).longValueExact(),
                prices.getOrDefault(symbol, BigDecimal.valueOf(100)),
                timeInForce == TimeInForce.DAY || timeInForce == TimeInForce.GOOD_TILL_CANCEL,
                seed);
        orders.put(clOrdId, order);
        journal.write(
                "record", "order", "venue_id", session.getSenderCompID(), "order_id", order.orderId,
                "cl_ord_id", clOrdId, "symbol", symbol, "side", order.side == Side.BUY ? "BUY" : "SELL",
                "order_qty", order.quantity);
        boolean whole = timeInForce == TimeInForce.FILL_OR_KILL || message.isSetField(MinQty.FIELD);
        decide(order, whole);
    }

    private void decide(VenueOrder order, boolean whole) {
        int draw = order.draws.nextInt(100);
        if (draw < REFUSED_PERCENT) {
            order.endedAs = OrdStatus.REJECTED;
            ExecutionReport report = report(order, ExecType.REJECTED, nextId("R"));
            report.set(new OrdRejReason(OrdRejReason.BROKER_EXCHANGE_OPTION));
            say(order, report);
            return;
        }
        say(order, report(order, ExecType.NEW, nextId("N")));
        if (draw < REFUSED_PERCENT + WHOLE_PERCENT) {
            trade(order, order.leaves());
        } else if (draw < REFUSED_PERCENT + WHOLE_PERCENT + PARTS_PERCENT && !whole) {
            trade(order, 1 + order.draws.nextInt((int) order.leaves()));
            if (order.rests && order.leaves() > 0) {
                tradeLater(order);
            }
        }
        if (!order.rests && order.leaves() > 0) {
            end(order, OrdStatus.CANCELED, report -> {});
        }
    }

    private void tradeLater(VenueOrder order) {
        later.schedule(() -> tradeNow(order), 1 + order.draws.nextInt(LATER_MS), TimeUnit.MILLISECONDS);
    }

    private synchronized void tradeNow(VenueOrder order) {
        if (still.contains(order.session)) {
            tradeLater(order);
        } else if (order.leaves() > 0) {
            trade(order, 1 + order.draws.nextInt((int) order.leaves()));
            if (order.leaves() > 0) {
                tradeLater(order);
            }
        }
    }

    private void trade(VenueOrder order, long shares) {
        BigDecimal at = order.tradePrice();
        order.execute(shares, at);
        ExecutionReport report = report(order, ExecType.TRADE, nextId("T"));
        report.set(new LastQty(shares));
        report.setDecimal(LastPx.FIELD, at);
        say(order, report);
    }

    private void takeCancel(Message message, SessionID session) throws FieldNotFound {
        String requestId = message.getString(ClOrdID.FIELD);
        String clOrdId = message.getString(OrigClOrdID.FIELD);
        VenueOrder order = orders.get(clOrdId);
        if (order == null || order.leaves() == 0) {
            int reason = order == null ? CxlRejReason.UNKNOWN_ORDER : CxlRejReason.TOO_LATE_TO_CANCEL;
            refuseCancel(order, requestId, clOrdId, reason, session);
        } else if (!order.cancelIds.add(requestId)) {
            refuseCancel(order, requestId, clOrdId, 6, session);
        } else if (order.draws.nextInt(100) < KEPT_PERCENT) {
            refuseCancel(order, requestId, clOrdId, CxlRejReason.BROKER_EXCHANGE_OPTION, session);
        } else {
            cancel(order, requestId);
        }
    }

    private void cancel(VenueOrder order, String requestId) {
        if (order.draws.nextInt(100) < PENDING_PERCENT) {
            ExecutionReport pending = report(order, ExecType.PENDING_CANCEL, nextId("P"));
            pending.set(new OrdStatus(OrdStatus.PENDING_CANCEL));
            name(pending, requestId, order);
            send(pending, order.session);
        }
        if (order.draws.nextInt(100) < CROSSED_PERCENT && order.leaves() > 1) {
            trade(order, 1 + order.draws.nextInt((int) order.leaves() - 1));
        }
        end(order, OrdStatus.CANCELED, report -> name(report, requestId, order));
    }

    private void end(VenueOrder order, char how, java.util.function.Consumer<ExecutionReport> more) {
        order.endedAs = how;
        ExecutionReport report = report(order, how, nextId("C"));
        more.accept(report);
        say(order, report);
    }

    private static void name(ExecutionReport report, String requestId, VenueOrder order) {
        report.set(new ClOrdID(requestId));
        report.set(new OrigClOrdID(order.clOrdId));
    }

    private void refuseCancel(VenueOrder order, String requestId, String clOrdId, int reason, SessionID session) {
        OrderCancelReject reject = new OrderCancelReject(
                new OrderID(order == null ? "NONE" : order.orderId),
                new ClOrdID(requestId),
                new OrigClOrdID(clOrdId),
                new OrdStatus(order == null ? OrdStatus.REJECTED : order.ordStatus()),
                new CxlRejResponseTo(CxlRejResponseTo.ORDER_CANCEL_REQUEST));
        reject.set(new CxlRejReason(reason));
        send(reject, session);
    }

    private void answerStatus(Message message, SessionID session) throws FieldNotFound {
        String clOrdId = message.getString(ClOrdID.FIELD);
        VenueOrder order = orders.get(clOrdId);
        boolean unknown = order == null;
        if (unknown) {
            String symbol = message.getString(Symbol.FIELD);
            order = new VenueOrder(session, "NONE", clOrdId, symbol, message.getChar(Side.FIELD), 0, BigDecimal.ONE,
                    false, seed);
        }
        ExecutionReport report = report(order, ExecType.ORDER_STATUS, nextId("S"));
        if (unknown) {
            report.set(new OrdStatus(OrdStatus.REJECTED));
            report.set(new OrdRejReason(OrdRejReason.UNKNOWN_ORDER));
        }
        if (message.isSetField(OrdStatusReqID.FIELD)) {
            report.set(new OrdStatusReqID(message.getString(OrdStatusReqID.FIELD)));
        }
        send(report, session);
    }

    private static ExecutionReport report(VenueOrder order, char execType, String execId) {
        ExecutionReport report = new ExecutionReport(
                new OrderID(order.orderId),
                new ExecID(execId),
                new ExecType(execType),
                new OrdStatus(order.ordStatus()),
                new Side(order.side),
                new LeavesQty(order.leaves()),
                new CumQty(order.cum),
                new AvgPx());
        report.setDecimal(AvgPx.FIELD, order.averagePrice());
        report.set(new ClOrdID(order.clOrdId));
        report.set(new Symbol(order.symbol));
        report.set(new OrderQty(order.quantity));
        report.set(new TransactTime(LocalDateTime.now(ZoneOffset.UTC)));
        return report;
    }

    /** Writes what changes an order into the journal, and sends it. */
    private void say(VenueOrder order, ExecutionReport report) {
        try {
            boolean isTrade = report.getChar(ExecType.FIELD) == ExecType.TRADE;
            journal.write(
                    "record", "report", "venue_id", order.session.getSenderCompID(), "order_id", order.orderId,
                    "cl_ord_id", order.clOrdId, "exec_id", report.getString(ExecID.FIELD),
                    "exec_type", isTrade ? "TRADE" : report.getString(ExecType.FIELD),
                    "ord_status", order.ordStatus(), "cum_qty", order.cum, "leaves_qty", order.leaves(),
                    "last_qty", isTrade ? report.getDecimal(LastQty.FIELD).longValueExact() : 0,
                    "last_px", isTrade ? report.getDecimal(LastPx.FIELD).toPlainString() : "");
        } catch (FieldNotFound error) {
            throw new IllegalStateException(error);
        }
        send(report, order.session);
    }

    private static void send(Message message, SessionID session) {
        // What nobody is there to hear is kept under its number, and sent when it is asked for.
        Session.lookupSession(session).send(message);
    }

    private String nextId(String kind) {
        return kind + ++numbers;
    }
}
