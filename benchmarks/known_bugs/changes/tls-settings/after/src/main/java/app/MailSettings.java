package app;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;

/** Where mail is sent; what the file does not set is as it always was. */
public record MailSettings(String host, int port, Duration timeout, boolean startTls, boolean verify) {
    public static MailSettings load(Path file) {
        Properties values = new Properties();
        if (Files.exists(file)) {
            try (Reader reader = Files.newBufferedReader(file)) {
                values.load(reader);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
        return of(values);
    }

    static MailSettings of(Properties values) {
        return new MailSettings(
                values.getProperty("host", "localhost"),
                Integer.parseInt(values.getProperty("port", "587")),
                Duration.ofSeconds(Long.parseLong(values.getProperty("timeout.seconds", "10"))),
                Boolean.parseBoolean(values.getProperty("starttls", "true")),
                Boolean.parseBoolean(values.getProperty("tls.verify")));
    }
}
