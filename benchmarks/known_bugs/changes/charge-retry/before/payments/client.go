// Package payments speaks to the payment provider.
package payments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// ErrTimeout tells that the provider did not answer in time: the payment may have been made.
var ErrTimeout = errors.New("payment provider timed out")

type Receipt struct {
	ID string `json:"id"`
}

type Client struct {
	HTTP *http.Client
	URL  string
}

func (c *Client) Charge(ctx context.Context, order string, cents int) (Receipt, error) {
	form := url.Values{"order": {order}, "amount": {strconv.Itoa(cents)}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/charges", strings.NewReader(form.Encode()))
	if err != nil {
		return Receipt{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Idempotency-Key", uuid.NewString())
	response, err := c.HTTP.Do(request)
	if err != nil {
		return Receipt{}, fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	defer response.Body.Close()
	var receipt Receipt
	return receipt, json.NewDecoder(response.Body).Decode(&receipt)
}
