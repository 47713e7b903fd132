import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import quickfix.FieldNotFound;
import quickfix.Message;
import quickfix.field.*;

/** What a client knows of its orders at one venue, by the reports that came, and which requests wait for an answer. */
final class ClientBook {
    private static final long WAIT_MS_MAX = 60_000;
    private final String venueId;
    private final Map<String, ClientOrder> byClOrdId = new HashMap<>();
    private final List<ClientOrder> orders = new ArrayList<>();
    private final Map<String, String[]> trades = new LinkedHashMap<>();
    private final Set<String> unanswered = new HashSet<>();
    private final List<String> refusals = new ArrayList<>();

    ClientBook(String venueId) {
        this.venueId = venueId;
    }

    synchronized void add(ClientOrder order) {
        orders.add(order);
        byClOrdId.put(order.clOrdId, order);
        unanswered.add(order.clOrdId);
    }

    /** A request about an order is sent: its id is another name of the order from now on. */
    synchronized void ask(String requestId, ClientOrder order) {
        byClOrdId.put(requestId, order);
        unanswered.add(requestId);
    }

    synchronized int unanswered() {
        return unanswered.size();
    }

    synchronized List<ClientOrder> live() {
        return orders.stream().filter(ClientOrder::isLive).toList();
    }

    synchronized void refuse(String text) {
        refusals.add(text);
        notifyAll();
    }

    synchronized void take(Message message) throws FieldNotFound {
        switch (message.getHeader().getString(MsgType.FIELD)) {
            case MsgType.EXECUTION_REPORT -> takeReport(message);
            case MsgType.ORDER_CANCEL_REJECT -> unanswered.remove(message.getString(ClOrdID.FIELD));
            default -> refusals.add(message.toString());
        }
        notifyAll();
    }

    private void takeReport(Message report) throws FieldNotFound {
        String id = report.getString(ClOrdID.FIELD);
        ClientOrder order = byClOrdId.get(id);
        if (order == null) {
            refusals.add("no order of ours: " + report);
            return;
        }
        char execType = report.getChar(ExecType.FIELD);
        if (execType == ExecType.ORDER_STATUS) {
            unanswered.remove(report.getString(OrdStatusReqID.FIELD));
        } else if (execType != ExecType.TRADE && execType != ExecType.PENDING_CANCEL
                && execType != ExecType.PENDING_REPLACE) {
            unanswered.remove(id);
        }
        if (execType == ExecType.REPLACED) {
            order.clOrdId = id;
        }
        order.orderId = report.getString(OrderID.FIELD);
        order.orderQty = report.getDecimal(OrderQty.FIELD).longValueExact();
        order.cum = report.getDecimal(CumQty.FIELD).longValueExact();
        order.leaves = report.getDecimal(LeavesQty.FIELD).longValueExact();
        order.status = report.getChar(OrdStatus.FIELD);
        order.avgPx = report.getDecimal(AvgPx.FIELD).toPlainString();
        if (execType == ExecType.TRADE) {
            // What is sent again has the ExecID that it had.
            String[] trade = {
                order.orderId,
                report.getDecimal(LastQty.FIELD).toPlainString(),
                report.getDecimal(LastPx.FIELD).toPlainString()
            };
            trades.put(report.getString(ExecID.FIELD), trade);
        }
    }

    /** Waits for something that a message brings about. */
    synchronized void await(BooleanSupplier condition, String what) throws InterruptedException {
        long until = System.currentTimeMillis() + WAIT_MS_MAX;
        while (!condition.getAsBoolean()) {
            long left = until - System.currentTimeMillis();
            if (left <= 0) {
                throw new IllegalStateException(venueId + ": no " + what + " in time, without an answer are " + unanswered);
            }
            wait(Math.min(left, 50));
        }
    }

    synchronized void write(Journal journal) {
        for (ClientOrder order : orders) {
            journal.write(
                    "record", "order", "venue_id", venueId, "order_id", order.orderId, "cl_ord_id", order.clOrdId,
                    "order_qty", order.orderQty, "cum_qty", order.cum, "leaves_qty", order.leaves,
                    "ord_status", order.status, "avg_px", order.avgPx);
        }
        trades.forEach((execId, trade) -> journal.write(
                "record", "trade", "venue_id", venueId, "exec_id", execId, "order_id", trade[0], "shares", trade[1],
                "price", trade[2]));
        for (String text : refusals) {
            journal.write("record", "refusal", "venue_id", venueId, "text", text);
        }
    }
}
