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

func (s *Store) Expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, session := range s.sessions {
		if session.Expires.Before(now) {
			delete(s.sessions, id)
		}
	}
}
