// Package status shows which services are up.
package status

type Status struct {
	Service string
	Up      bool
}
