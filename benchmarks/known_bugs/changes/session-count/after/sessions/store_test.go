package sessions

import (
	"testing"
	"time"
)

func TestCountsAndExpire(t *testing.T) {
	now := time.Now()
	store := New()
	store.Put("1", Session{User: "ann", Expires: now.Add(time.Hour)})
	store.Put("2", Session{User: "ann", Expires: now.Add(-time.Hour)})
	store.Put("3", Session{User: "bob", Expires: now.Add(time.Hour)})
	if counts := store.Counts(); counts["ann"] != 2 || counts["bob"] != 1 {
		t.Fatalf("counts: %v", counts)
	}
	if removed := store.Expire(now); removed != 1 {
		t.Fatalf("removed: %d", removed)
	}
}
