import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import quickfix.ApplicationAdapter;
import quickfix.FieldNotFound;
import quickfix.MemoryStoreFactory;
import quickfix.Message;
import quickfix.ScreenLogFactory;
import quickfix.Session;
import quickfix.SessionID;
import quickfix.SocketAcceptor;
import quickfix.UnsupportedMessageType;
import quickfix.field.*;
import quickfix.fix44.Logon;
import quickfix.fix44.MessageFactory;
import quickfix.fix44.ResendRequest;
import quickfix.fix44.SequenceReset;

/**
 * Venues behind one port: {@code Venue PORT VENUE,VENUE,… COUNTERPARTY JOURNAL SEED}. Reads lines from its standard
 * input that each disturb one session ({@code drop XNYS}), answers each with a line, and ends when there are no more.
 */
public final class Venue extends ApplicationAdapter {
    private static final int FEW = 10;
    private static final int ANSWER_S_MAX = 5;
    private final Journal journal;
    private final Matching matching;
    private final Map<String, SessionID> sessions = new HashMap<>();
    private final Set<SessionID> resetting = ConcurrentHashMap.newKeySet();
    private final Set<SessionID> silent = new HashSet<>();
    private final Map<String, CountDownLatch> answers = new ConcurrentHashMap<>();

    private Venue(Journal journal, long seed) {
        this.journal = journal;
        this.matching = new Matching(journal, seed);
    }

    public static void main(String[] arguments) throws Exception {
        try (Journal journal = new Journal(Path.of(arguments[3]))) {
            new Venue(journal, Long.parseLong(arguments[4])).serve(arguments[0], arguments[1].split(","), arguments[2]);
        }
        // The scheduled trades of orders that rest end with the process.
        System.exit(0);
    }

    private void serve(String port, String[] venueIds, String counterparty) throws Exception {
        PrintStream out = System.out;
        // What QuickFIX/J logs goes elsewhere than the answers.
        System.setOut(System.err);
        Sessions settings = new Sessions("acceptor")
                .with("SocketAcceptAddress", "127.0.0.1")
                .with("SocketAcceptPort", port);
        for (String venueId : venueIds) {
            sessions.put(venueId, settings.add(venueId, counterparty));
        }
        SocketAcceptor acceptor = new SocketAcceptor(
                this,
                new MemoryStoreFactory(),
                settings.settings(),
                new ScreenLogFactory(false, false, true, false),
                new LogonsThatReset());
        acceptor.start();
        out.println("listening");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            out.println((disturb(words[0], sessions.get(words[1])) ? "done " : "away ") + line);
        }
        acceptor.stop();
    }

    /** Returns whether it was done: a session that is not up cannot be disturbed in every way. */
    private boolean disturb(String how, SessionID id) throws Exception {
        Session session = Session.lookupSession(id);
        if (how.equals("reset")) {
            return reset(session, id);
        }
        // No report goes out between what is looked at and what is done.
        synchronized (matching) {
            switch (how) {
                case "drop" -> session.disconnect("the venue drops the connection", false);
                case "jump" -> {
                    int next = session.getExpectedSenderNum() + FEW;
                    SequenceReset reset = new SequenceReset();
                    reset.set(new NewSeqNo(next));
                    session.send(reset);
                    session.setNextSenderMsgSeqNum(next);
                }
                case "skip" -> session.setNextSenderMsgSeqNum(session.getExpectedSenderNum() + FEW);
                case "forget" -> session.setNextTargetMsgSeqNum(Math.max(1, session.getExpectedTargetNum() - FEW));
                case "ask" -> {
                    ResendRequest request = new ResendRequest();
                    request.set(new BeginSeqNo(1));
                    request.set(new EndSeqNo(0));
                    session.send(request);
                }
                default -> throw new IllegalArgumentException(how);
            }
        }
        return true;
    }

    /**
     * Begins a session's numbers anew. What its counterparty has not heard would be lost with them, so it is asked
     * first whether it has heard everything, while nothing more is said.
     */
    private boolean reset(Session session, SessionID id) throws InterruptedException {
        String question = "heard everything " + System.nanoTime();
        CountDownLatch answer = new CountDownLatch(1);
        synchronized (matching) {
            answers.put(question, answer);
            silent.add(id);
            matching.hold(id, true);
            session.generateTestRequest(question);
        }
        boolean heard = answer.await(ANSWER_S_MAX, TimeUnit.SECONDS);
        answers.remove(question);
        synchronized (matching) {
            if (heard && session.isLoggedOn()) {
                resetting.add(id);
                session.reset();
                return true;
            }
            goOn(id);
        }
        return false;
    }

    private void goOn(SessionID id) {
        silent.remove(id);
        matching.hold(id, false);
    }

    @Override
    public void fromAdmin(Message message, SessionID id) throws FieldNotFound {
        String type = message.getHeader().getString(MsgType.FIELD);
        if (type.equals(MsgType.HEARTBEAT) && message.isSetField(TestReqID.FIELD)) {
            CountDownLatch answer = answers.get(message.getString(TestReqID.FIELD));
            if (answer != null) {
                answer.countDown();
            }
        } else if (type.equals(MsgType.LOGON) && resetting.contains(id)) {
            // The numbers begin anew with this Logon, whatever number its sender has given it.
            message.getHeader().setInt(MsgSeqNum.FIELD, 1);
        }
    }

    @Override
    public void toAdmin(Message message, SessionID id) {
        try {
            if (message.getHeader().getString(MsgType.FIELD).equals(MsgType.REJECT)) {
                journal.write("record", "refusal", "venue_id", id.getSenderCompID(), "text", message.toString());
            }
        } catch (FieldNotFound error) {
            throw new IllegalStateException(error);
        }
    }

    @Override
    public void onLogon(SessionID id) {
        journal.write("record", "logon", "venue_id", id.getSenderCompID());
        synchronized (matching) {
            if (resetting.remove(id)) {
                goOn(id);
            }
        }
    }

    @Override
    public void fromApp(Message message, SessionID id) throws FieldNotFound, UnsupportedMessageType {
        synchronized (matching) {
            // What comes while a session is reset is lost with its numbers, as if it had never come.
            if (!silent.contains(id)) {
                matching.take(message, id);
            }
        }
    }

    /**
     * Makes a venue that resets of its own will out of QuickFIX/J, whose acceptor does so only when it is asked: a
     * Logon for a session that is to be reset reads as if it had ResetSeqNumFlag (141) in it, so its answer has.
     */
    private final class LogonsThatReset extends MessageFactory {
        @Override
        public Message create(String beginString, String type) {
            return type.equals(MsgType.LOGON) ? new ReadLogon() : super.create(beginString, type);
        }
    }

    private final class ReadLogon extends Logon {
        private static final long serialVersionUID = 1;

        @Override
        public boolean isSetField(int tag) {
            return super.isSetField(tag) || tag == ResetSeqNumFlag.FIELD && asksForReset();
        }

        @Override
        public boolean getBoolean(int tag) throws FieldNotFound {
            return tag == ResetSeqNumFlag.FIELD && asksForReset() || super.getBoolean(tag);
        }

        private boolean asksForReset() {
            try {
                SessionID id = sessions.get(getHeader().getString(TargetCompID.FIELD));
                return id != null && resetting.contains(id);
            } catch (FieldNotFound error) {
                return false;
            }
        }
    }
}
