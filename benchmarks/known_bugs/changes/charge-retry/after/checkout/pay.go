// Package checkout turns carts into orders.
package checkout

import (
	"context"
	"errors"
	"time"

	"example.com/shop/payments"
)

const (
	maxAttempts = 3
	pause       = 500 * time.Millisecond
)

type Order struct {
	ID    string
	Cents int
}

type Service struct {
	Payments interface {
		Charge(ctx context.Context, order string, cents int) (payments.Receipt, error)
	}
}

// Pay charges an order, and tries again when the provider does not answer in time.
func (s *Service) Pay(ctx context.Context, order Order) (receipt payments.Receipt, err error) {
	for attempt := 0; attempt <= maxAttempts; attempt++ {
		receipt, err = s.Payments.Charge(ctx, order.ID, order.Cents)
		if err == nil || !errors.Is(err, payments.ErrTimeout) {
			return receipt, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return receipt, ctx.Err()
		}
	}
	return receipt, err
}
