import quickfix.Dictionary;
import quickfix.SessionID;
import quickfix.SessionSettings;

/** The settings of FIX 4.4 sessions with a strict dictionary, all else left as QuickFIX/J has it. */
final class Sessions {
    static final String BEGIN_STRING = "FIX.4.4";
    private final SessionSettings settings = new SessionSettings();

    Sessions(String connectionType) {
        settings.setString("ConnectionType", connectionType);
        settings.setString("StartTime", "00:00:00");
        settings.setString("EndTime", "00:00:00");
        settings.setString("UseDataDictionary", "Y");
        settings.setString("DataDictionary", "FIX44.xml");
        settings.setString("ValidateUserDefinedFields", "Y");
        settings.setString("AllowUnknownMsgFields", "N");
        settings.setString("ValidateFieldsHaveValues", "Y");
        settings.setString("RejectInvalidMessage", "Y");
        settings.setString("TimeStampPrecision", "MICROS");
    }

    /** Adds a setting of all sessions. */
    Sessions with(String name, String value) {
        settings.setString(name, value);
        return this;
    }

    /** Adds a session. */
    SessionID add(String sender, String target) throws Exception {
        SessionID id = new SessionID(BEGIN_STRING, sender, target);
        settings.set(id, new Dictionary());
        settings.setString(id, "BeginString", BEGIN_STRING);
        settings.setString(id, "SenderCompID", sender);
        settings.setString(id, "TargetCompID", target);
        return id;
    }

    SessionSettings settings() {
        return settings;
    }
}
