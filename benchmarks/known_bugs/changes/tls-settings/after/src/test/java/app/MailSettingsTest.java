package app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class MailSettingsTest {
    @Test
    void whatIsNotSetHasItsDefault() {
        MailSettings settings = MailSettings.of(new Properties());
        assertEquals("localhost", settings.host());
        assertEquals(587, settings.port());
        assertEquals(Duration.ofSeconds(10), settings.timeout());
        assertTrue(settings.startTls());
    }
}
