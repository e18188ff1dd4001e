// Package status shows which services are up.
package status

// Status is what a service last answered; Code is 0 when it did not.
type Status struct {
	Service string
	Up      bool
	Code    int
	Version string
}
