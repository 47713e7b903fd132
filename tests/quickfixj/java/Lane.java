import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import quickfix.Message;
import quickfix.Session;
import quickfix.SessionID;
import quickfix.field.*;
import quickfix.fix44.NewOrderSingle;
import quickfix.fix44.OrderCancelReplaceRequest;
import quickfix.fix44.OrderCancelRequest;
import quickfix.fix44.OrderStatusRequest;
import quickfix.fix44.ResendRequest;

/** What a client does on one session, one thing after the other, by seeded dice. */
final class Lane implements Runnable {
    private static final int UNANSWERED_MAX = 40;
    private static final int CANCEL_PERCENT = 25;
    private static final int REPLACE_PERCENT = 10;
    private static final int STATUS_PERCENT = 5;
    private static final int ROUNDS = 2;
    private static final int FEW = 10;
    private static final String[] DISTURBANCES = {"drop", "skip", "forget", "ask", "reset"};
    private final SessionID id;
    private final ClientBook book;
    private final int orders;
    private final Random dice;
    private final String[] symbols;
    private final Map<String, BigDecimal> prices;
    private final String account;
    private final Map<String, Integer> done = new TreeMap<>();
    private final long run = System.currentTimeMillis();
    private int numbers;

    Lane(SessionID id, ClientBook book, int orders, long seed, Map<String, BigDecimal> prices, String account) {
        this.id = id;
        this.account = account;
        this.book = book;
        this.orders = orders;
        this.dice = new Random(seed * 31 + id.hashCode());
        this.prices = prices;
        this.symbols = prices.keySet().toArray(new String[0]);
    }

    /** How often what was done. */
    Map<String, Integer> done() {
        return done;
    }

    @Override
    public void run() {
        try {
            awaitLogon();
            int every = Math.max(1, orders / (ROUNDS * DISTURBANCES.length + 1));
            for (int number = 1; number <= orders; number++) {
                book.await(() -> book.unanswered() < UNANSWERED_MAX, "room for another request");
                place();
                meddle();
                if (number % every == 0 && number / every <= ROUNDS * DISTURBANCES.length) {
                    disturb(DISTURBANCES[(number / every - 1) % DISTURBANCES.length]);
                }
            }
            becomeQuiet();
        } catch (Exception error) {
            throw new IllegalStateException(id + " failed", error);
        }
    }

    private void place() {
        String symbol = symbols[dice.nextInt(symbols.length)];
        char side = dice.nextBoolean() ? Side.BUY : Side.SELL;
        ClientOrder order = new ClientOrder(nextId("o"), symbol, side, (1 + dice.nextInt(10)) * 100L);
        boolean market = dice.nextInt(100) < 20;
        NewOrderSingle message = new NewOrderSingle(
                new ClOrdID(order.clOrdId), new Side(side), now(), new OrdType(market ? OrdType.MARKET : OrdType.LIMIT));
        message.set(new Symbol(symbol));
        message.set(new OrderQty(order.quantity));
        if (!account.isEmpty()) {
            message.set(new Account(account));
        }
        if (!market) {
            message.setDecimal(Price.FIELD, price(symbol, side, dice.nextInt(100) < 50));
            message.set(new TimeInForce("0013".charAt(dice.nextInt(4))));
        }
        book.add(order);
        send(message, "orders");
    }

    /** Asks for the cancel or another price of an order that may be live, or how it is. */
    private void meddle() {
        List<ClientOrder> live = book.live();
        int draw = dice.nextInt(100);
        if (live.isEmpty() || draw >= CANCEL_PERCENT + REPLACE_PERCENT + STATUS_PERCENT) {
            return;
        }
        ClientOrder order = live.get(dice.nextInt(live.size()));
        if (draw < CANCEL_PERCENT) {
            cancel(order);
        } else if (draw < CANCEL_PERCENT + REPLACE_PERCENT) {
            String requestId = nextId("g");
            OrderCancelReplaceRequest message = new OrderCancelReplaceRequest(
                    new OrigClOrdID(order.clOrdId), new ClOrdID(requestId), new Side(order.side), now(),
                    new OrdType(OrdType.LIMIT));
            message.set(new Symbol(order.symbol));
            message.set(new OrderQty(order.orderQty + 100));
            message.setDecimal(Price.FIELD, price(order.symbol, order.side, false));
            book.ask(requestId, order);
            send(message, "replaces");
        } else {
            String askId = nextId("h");
            OrderStatusRequest message = new OrderStatusRequest(new ClOrdID(order.clOrdId), new Side(order.side));
            message.set(new Symbol(order.symbol));
            message.set(new OrdStatusReqID(askId));
            book.ask(askId, order);
            send(message, "status requests");
        }
    }

    private void cancel(ClientOrder order) {
        String requestId = nextId("c");
        OrderCancelRequest message = new OrderCancelRequest(
                new OrigClOrdID(order.clOrdId), new ClOrdID(requestId), new Side(order.side), now());
        message.set(new Symbol(order.symbol));
        message.set(new OrderQty(order.orderQty));
        book.ask(requestId, order);
        send(message, "cancels");
    }

    private void disturb(String how) throws Exception {
        Session session = Session.lookupSession(id);
        switch (how) {
            case "drop" -> session.disconnect("the client drops the connection", false);
            case "skip" -> session.setNextSenderMsgSeqNum(session.getExpectedSenderNum() + FEW);
            case "forget" -> session.setNextTargetMsgSeqNum(Math.max(1, session.getExpectedTargetNum() - FEW));
            case "ask" -> {
                ResendRequest request = new ResendRequest();
                request.set(new BeginSeqNo(1));
                request.set(new EndSeqNo(0));
                session.send(request);
            }
            default -> {
                // Numbers that begin anew lose what was not heard: nothing may be on its way.
                becomeQuiet();
                session.logout("the client begins its numbers anew");
                book.await(() -> !session.isLoggedOn(), "logout");
                session.logon();
                awaitLogon();
            }
        }
        done.merge(how, 1, Integer::sum);
    }

    /** Cancels what is live until nothing is, and every request has its answer. */
    private void becomeQuiet() throws InterruptedException {
        for (List<ClientOrder> live = book.live(); !live.isEmpty() || book.unanswered() > 0; live = book.live()) {
            book.await(() -> book.unanswered() == 0, "answer to every request");
            book.live().forEach(this::cancel);
            book.await(() -> book.unanswered() == 0, "answer to every cancel");
        }
    }

    private void awaitLogon() throws InterruptedException {
        Session session = Session.lookupSession(id);
        book.await(session::isLoggedOn, "logon");
    }

    private void send(Message message, String kind) {
        // Without a connection it is kept under its number, and the venue asks for it.
        Session.lookupSession(id).send(message);
        done.merge(kind, 1, Integer::sum);
    }

    private BigDecimal price(String symbol, char side, boolean takes) {
        boolean above = takes == (side == Side.BUY);
        return prices.get(symbol).multiply(new BigDecimal(above ? "1.02" : "0.98")).setScale(2, RoundingMode.HALF_UP);
    }

    private String nextId(String kind) {
        return id.getTargetCompID() + "-" + run + "-" + kind + ++numbers;
    }

    private static TransactTime now() {
        return new TransactTime(LocalDateTime.now(ZoneOffset.UTC));
    }
}
