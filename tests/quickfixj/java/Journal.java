import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A file of JSON lines, each handed to the operating system before the call returns. */
final class Journal implements AutoCloseable {
    private final FileOutputStream file;

    Journal(Path path) throws IOException {
        file = new FileOutputStream(path.toFile(), true);
    }

    /** Adds a line. pairs: a name, its value, and so on; numbers are written as they are. */
    synchronized void write(Object... pairs) {
        StringBuilder line = new StringBuilder("{");
        for (int at = 0; at < pairs.length; at += 2) {
            line.append(at == 0 ? "" : ",").append(quoted(pairs[at])).append(':');
            line.append(pairs[at + 1] instanceof Number ? pairs[at + 1].toString() : quoted(pairs[at + 1]));
        }
        try {
            file.write(line.append("}\n").toString().getBytes(StandardCharsets.UTF_8));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static String quoted(Object value) {
        StringBuilder text = new StringBuilder("\"");
        for (char c : String.valueOf(value).toCharArray()) {
            if (c == '"' || c == '\\') {
                text.append('\\').append(c);
            } else if (c < ' ') {
                text.append(String.format("\\u%04x", (int) c));
            } else {
                text.append(c);
            }
        }
        return text.append('"').toString();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
