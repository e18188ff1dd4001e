package app;

import java.math.BigDecimal;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

public final class Rates {
    private final Map<String, BigDecimal> known = new ConcurrentHashMap<>();
    private final Function<String, BigDecimal> source;

    public Rates(Function<String, BigDecimal> source) {
        this.source = source;
    }

    public BigDecimal of(String currency) {
        return known.computeIfAbsent(currency, source);
    }
}
