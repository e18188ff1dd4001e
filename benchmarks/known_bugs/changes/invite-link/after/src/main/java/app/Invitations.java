package app;

import app.Accounts.Account;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Invitations to a team, by the token in their link. */
public final class Invitations {
    private static final Duration LIFETIME = Duration.ofDays(7);
    private static final int TOKEN_BYTES = 16;

    private record Invitation(String team, String email, Instant expires) {}

    private final Map<String, Invitation> open = new ConcurrentHashMap<>();
    private final SecureRandom random = new SecureRandom();
    private final Accounts accounts;
    private final Teams teams;
    private final Clock clock;

    public Invitations(Accounts accounts, Teams teams, Clock clock) {
        this.accounts = accounts;
        this.teams = teams;
        this.clock = clock;
    }

    /** The token of a new invitation; the address need not have an account yet. */
    public String invite(String team, String email) {
        byte[] bytes = new byte[TOKEN_BYTES];
        random.nextBytes(bytes);
        String token = HexFormat.of().formatHex(bytes);
        open.put(token, new Invitation(team, email, clock.instant().plus(LIFETIME)));
        return token;
    }

    /** Whether somebody was added. */
    public boolean accept(String token) {
        Invitation invitation = open.remove(token);
        if (invitation == null || invitation.expires().isBefore(clock.instant())) {
            return false;
        }
        Account account = accounts.findByEmail(invitation.email());
        teams.add(invitation.team(), account.id());
        return true;
    }
}
