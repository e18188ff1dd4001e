package checkout

import (
	"context"
	"testing"

	"example.com/shop/payments"
)

type flaky struct{ failures int }

func (f *flaky) Charge(context.Context, string, int) (payments.Receipt, error) {
	if f.failures > 0 {
		f.failures--
		return payments.Receipt{}, payments.ErrTimeout
	}
	return payments.Receipt{ID: "r1"}, nil
}

func TestATimeoutIsTriedAgain(t *testing.T) {
	service := Service{Payments: &flaky{failures: 2}}
	receipt, err := service.Pay(context.Background(), Order{ID: "o1", Cents: 500})
	if err != nil || receipt.ID != "r1" {
		t.Fatal(receipt, err)
	}
}
