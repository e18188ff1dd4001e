package app;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

public final class Teams {
    private final Map<String, Set<Long>> members = new ConcurrentHashMap<>();

    public void add(String team, long account) {
        members.computeIfAbsent(team, each -> ConcurrentHashMap.newKeySet()).add(account);
    }
}
