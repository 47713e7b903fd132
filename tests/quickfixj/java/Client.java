import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import quickfix.ApplicationAdapter;
import quickfix.FieldNotFound;
import quickfix.MemoryStoreFactory;
import quickfix.Message;
import quickfix.ScreenLogFactory;
import quickfix.SessionID;
import quickfix.ThreadedSocketInitiator;
import quickfix.field.*;
import quickfix.fix44.Logon;
import quickfix.fix44.MessageFactory;

/**
 * A client of venues, or of a broker, behind one port: {@code Client PORT VENUE,VENUE,… SENDER ORDERS SEED BOOK
 * SYMBOL=PRICE,… [USERNAME PASSWORD ACCOUNT]}. Trades on all of them at once, writes what it knows of its orders into
 * BOOK, says what it did, and ends.
 */
public final class Client extends ApplicationAdapter {
    private static final int CREDENTIALS_AT = 7;
    private final Map<String, ClientBook> books = new HashMap<>();
    private final String username;
    private final String password;
    private final String account;

    private Client(String[] arguments) {
        boolean proves = arguments.length > CREDENTIALS_AT;
        username = proves ? arguments[CREDENTIALS_AT] : "";
        password = proves ? arguments[CREDENTIALS_AT + 1] : "";
        account = proves ? arguments[CREDENTIALS_AT + 2] : "";
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, BigDecimal> prices = new TreeMap<>();
        for (String pair : arguments[6].split(",")) {
            String[] parts = pair.split("=");
            prices.put(parts[0], new BigDecimal(parts[1]));
        }
        String[] venueIds = arguments[1].split(",");
        int orders = Integer.parseInt(arguments[3]) / venueIds.length;
        Client client = new Client(arguments);
        Map<String, Integer> done =
                client.trade(arguments[0], venueIds, arguments[2], orders, Long.parseLong(arguments[4]), prices);
        try (Journal journal = new Journal(Path.of(arguments[5]))) {
            client.books.values().forEach(book -> book.write(journal));
        }
        System.out.println(done);
        System.exit(0);
    }

    private Map<String, Integer> trade(
            String port, String[] venueIds, String sender, int orders, long seed, Map<String, BigDecimal> prices)
            throws Exception {
        Sessions settings = new Sessions("initiator")
                .with("SocketConnectHost", "127.0.0.1")
                .with("SocketConnectPort", port)
                .with("ReconnectInterval", "1")
                .with("HeartBtInt", "30")
                // Numbers begin anew after a logout, and the next Logon says so (141=Y).
                .with("ResetOnLogout", "Y");
        Map<SessionID, Lane> lanes = new HashMap<>();
        for (String venueId : venueIds) {
            ClientBook book = new ClientBook(venueId);
            books.put(venueId, book);
            SessionID id = settings.add(sender, venueId);
            lanes.put(id, new Lane(id, book, orders, seed, prices, account));
        }
        ThreadedSocketInitiator initiator = new ThreadedSocketInitiator(
                this,
                new MemoryStoreFactory(),
                settings.settings(),
                new ScreenLogFactory(false, false, true, false),
                new MessageFactory());
        java.io.PrintStream answers = System.out;
        // What QuickFIX/J logs goes elsewhere than the answer.
        System.setOut(System.err);
        initiator.start();
        runAll(lanes);
        initiator.stop();
        System.setOut(answers);
        Map<String, Integer> done = new TreeMap<>();
        lanes.values().forEach(lane -> lane.done().forEach((what, count) -> done.merge(what, count, Integer::sum)));
        return done;
    }

    private static void runAll(Map<SessionID, Lane> lanes) throws InterruptedException {
        Thread[] threads = lanes.values().stream().map(Thread::new).toArray(Thread[]::new);
        for (Thread thread : threads) {
            thread.setUncaughtExceptionHandler((failed, error) -> {
                error.printStackTrace();
                Runtime.getRuntime().halt(1);
            });
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    @Override
    public void toAdmin(Message message, SessionID id) {
        noteRefusal(message, id, "would not read");
        if (!username.isEmpty() && message instanceof Logon) {
            message.setString(Username.FIELD, username);
            message.setString(Password.FIELD, password);
        }
    }

    @Override
    public void fromAdmin(Message message, SessionID id) {
        noteRefusal(message, id, "was not read");
    }

    private void noteRefusal(Message message, SessionID id, String how) {
        try {
            if (message.getHeader().getString(MsgType.FIELD).equals(MsgType.REJECT)) {
                books.get(id.getTargetCompID()).refuse(how + ": " + message);
            }
        } catch (FieldNotFound error) {
            throw new IllegalStateException(error);
        }
    }

    @Override
    public void fromApp(Message message, SessionID id) throws FieldNotFound {
        books.get(id.getTargetCompID()).take(message);
    }
}
