// Package images makes thumbnails.
package images

import (
	"context"
	"fmt"
	"sync"
)

const workers = 4

type Resize func(ctx context.Context, path string) error

// All resizes images, a few at once, and returns the first error; it returns when every worker is done.
func All(ctx context.Context, paths []string, resize Resize) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan string)
	var group sync.WaitGroup
	for range workers {
		group.Add(1)
		go func() {
			defer group.Done()
			for path := range queue {
				if err := resize(ctx, path); err != nil {
					cancel(fmt.Errorf("resize %s: %w", path, err))
				}
			}
		}()
	}
send:
	for _, path := range paths {
		select {
		case queue <- path:
		case <-ctx.Done():
			break send
		}
	}
	close(queue)
	group.Wait()
	return context.Cause(ctx)
}
