package app;

import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/** Exchange rates, kept for a while; safe for use by several threads. */
public final class Rates {
    static final Duration LIFETIME = Duration.ofMinutes(10);

    private record Rate(BigDecimal value, Instant read) {}

    private final Map<String, Rate> known = new ConcurrentHashMap<>();
    private final Function<String, BigDecimal> source;
    private final Clock clock;

    public Rates(Function<String, BigDecimal> source, Clock clock) {
        this.source = source;
        this.clock = clock;
    }

    public BigDecimal of(String currency) {
        return known.compute(currency, (name, rate) -> isFresh(rate) ? rate : read(name)).value();
    }

    private boolean isFresh(Rate rate) {
        return rate != null && clock.instant().isBefore(rate.read().plus(LIFETIME));
    }

    private Rate read(String currency) {
        return new Rate(source.apply(currency), clock.instant());
    }
}
