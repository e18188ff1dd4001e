// Package checkout turns carts into orders.
package checkout

import (
	"context"

	"example.com/shop/payments"
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

func (s *Service) Pay(ctx context.Context, order Order) (payments.Receipt, error) {
	return s.Payments.Charge(ctx, order.ID, order.Cents)
}
