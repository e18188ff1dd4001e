package app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.math.BigDecimal;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RatesTest {
    @Test
    void aRateIsReadOnceWhileItIsFresh() {
        AtomicInteger reads = new AtomicInteger();
        Clock clock = Clock.fixed(Instant.EPOCH, ZoneOffset.UTC);
        Rates rates = new Rates(currency -> BigDecimal.valueOf(reads.incrementAndGet()), clock);
        assertEquals(BigDecimal.ONE, rates.of("EUR"));
        assertEquals(BigDecimal.ONE, rates.of("EUR"));
        assertEquals(1, reads.get());
    }
}
