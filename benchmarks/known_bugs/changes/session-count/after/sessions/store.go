// Package sessions keeps who is logged in.
package sessions

import (
	"sync"
	"time"
)

type Session struct {
	User    string
	Expires time.Time
}

// Store is safe for use by several goroutines.
type Store struct {
	mu       sync.RWMutex
	sessions map[string]Session
}

func New() *Store {
	return &Store{sessions: map[string]Session{}}
}

func (s *Store) Put(id string, session Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[id] = session
}

// Expire removes the sessions that are over and returns how many there were.
func (s *Store) Expire(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	removed := 0
	for id, session := range s.sessions {
		if session.Expires.Before(now) {
			delete(s.sessions, id)
			removed++
		}
	}
	return removed
}

// Counts returns the number of sessions of each user.
func (s *Store) Counts() map[string]int {
	counts := make(map[string]int)
	for _, session := range s.sessions {
		counts[session.User]++
	}
	return counts
}
