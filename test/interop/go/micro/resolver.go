package micro

import (
	"context"
	"time"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"
)

type attribute string

const (
	weightOf attribute = "weight"
	groupOf  attribute = "group"
)

// ResolverBuilder resolves `registry:///<service>` by any registry.
type ResolverBuilder struct {
	registry Registry
	timeout  time.Duration
}

// NewResolverBuilder gives each listing a timeout.
func NewResolverBuilder(registry Registry, timeout time.Duration) *ResolverBuilder {
	return &ResolverBuilder{registry: registry, timeout: timeout}
}

func (b *ResolverBuilder) Scheme() string {
	return "registry"
}

func (b *ResolverBuilder) Build(target resolver.Target, conn resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	events, err := b.registry.Subscribe(target.Endpoint())
	if err != nil {
		return nil, err
	}
	r := &serviceResolver{builder: b, service: target.Endpoint(), conn: conn, closed: make(chan struct{})}
	r.list()
	go r.watch(events)
	return r, nil
}

type serviceResolver struct {
	builder *ResolverBuilder
	service string
	conn    resolver.ClientConn
	closed  chan struct{}
}

func (r *serviceResolver) ResolveNow(resolver.ResolveNowOptions) {}

func (r *serviceResolver) Close() {
	close(r.closed)
}

func (r *serviceResolver) watch(events <-chan Event) {
	for {
		select {
		case <-r.closed:
			return
		case event, ok := <-events:
			if !ok {
				return
			}
			if event.Err != nil {
				r.conn.ReportError(event.Err)
				continue
			}
			r.list()
		}
	}
}

func (r *serviceResolver) list() {
	ctx, cancel := context.WithTimeout(context.Background(), r.builder.timeout)
	defer cancel()
	instances, err := r.builder.registry.ListServices(ctx, r.service)
	if err != nil {
		r.conn.ReportError(err)
		return
	}
	addresses := make([]resolver.Address, 0, len(instances))
	for _, instance := range instances {
		addresses = append(addresses, resolver.Address{
			Addr:       instance.Address,
			Attributes: attributes.New(weightOf, instance.Weight).WithValue(groupOf, instance.Group),
		})
	}
	if err := r.conn.UpdateState(resolver.State{Addresses: addresses}); err != nil {
		r.conn.ReportError(err)
	}
}
