package status

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

const (
	interval = 10 * time.Second
	patience = 3 * time.Second
)

type health struct {
	Version string `json:"version"`
}

// Poller asks services how they are. Its client is shared by all of them.
type Poller struct {
	Client   *http.Client
	Services map[string]string
}

// Run polls until the context ends, and sends what it learns to the channel.
func (p *Poller) Run(ctx context.Context, results chan<- Status) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		for name, url := range p.Services {
			select {
			case results <- p.poll(ctx, name, url):
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *Poller) poll(ctx context.Context, name, url string) Status {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/health", nil)
	if err != nil {
		return Status{Service: name}
	}
	response, err := p.Client.Do(request)
	if err != nil {
		return Status{Service: name}
	}
	if response.StatusCode != http.StatusOK {
		return Status{Service: name, Code: response.StatusCode}
	}
	defer response.Body.Close()
	var body health
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return Status{Service: name, Code: response.StatusCode}
	}
	return Status{Service: name, Up: true, Code: response.StatusCode, Version: body.Version}
}
