// Package images makes thumbnails.
package images

type Resize func(path string) error

// All resizes images one by one and stops at the first error.
func All(paths []string, resize Resize) error {
	for _, path := range paths {
		if err := resize(path); err != nil {
			return err
		}
	}
	return nil
}
