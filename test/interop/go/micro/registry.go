// Package micro is a small service framework on gRPC as Go programmers write it by hand: a registry, a server that registers
// itself, a resolver for `registry:///<service>`, and a balancer that knows weights and groups.
package micro

import (
	"context"
	"io"
)

// ServiceInstance is one running copy of a service.
type ServiceInstance struct {
	Name    string
	Address string
	Weight  uint32
	Group   string
}

// Event says that something of a service has changed.
type Event struct {
	// Err is what ended the subscription.
	Err error
}

// Registry is where instances are written and watched.
type Registry interface {
	Register(ctx context.Context, instance ServiceInstance) error
	UnRegister(ctx context.Context, instance ServiceInstance) error
	ListServices(ctx context.Context, name string) ([]ServiceInstance, error)
	// Subscribe tells of changes until the registry is closed.
	Subscribe(name string) (<-chan Event, error)
	io.Closer
}
