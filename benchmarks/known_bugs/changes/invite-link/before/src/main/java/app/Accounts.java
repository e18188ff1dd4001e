package app;

import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

public final class Accounts {
    public record Account(long id, String email) {}

    private final Map<String, Account> byEmail = new ConcurrentHashMap<>();

    public void add(Account account) {
        byEmail.put(account.email().toLowerCase(Locale.ROOT), account);
    }

    public Account findByEmail(String email) {
        return byEmail.get(email.toLowerCase(Locale.ROOT));
    }
}
