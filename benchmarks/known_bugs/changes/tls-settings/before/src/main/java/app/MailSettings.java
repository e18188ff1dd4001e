package app;

import java.time.Duration;

public record MailSettings(String host, int port, Duration timeout, boolean startTls, boolean verify) {
    public static MailSettings load() {
        return new MailSettings("localhost", 587, Duration.ofSeconds(10), true, true);
    }
}
