package images

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

func TestEveryImageIsResizedOnce(t *testing.T) {
	var count atomic.Int64
	err := All(context.Background(), make([]string, 50), func(context.Context, string) error {
		count.Add(1)
		return nil
	})
	if err != nil || count.Load() != 50 {
		t.Fatal(err, count.Load())
	}
}

func TestTheFirstErrorIsReturned(t *testing.T) {
	broken := errors.New("broken")
	err := All(context.Background(), []string{"a", "b"}, func(context.Context, string) error { return broken })
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
}
