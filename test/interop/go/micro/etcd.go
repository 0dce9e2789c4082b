package micro

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

// EtcdRegistry keeps each instance as JSON under `/micro/<name>/<address>`, with the lease of one session.
type EtcdRegistry struct {
	client  *clientv3.Client
	session *concurrency.Session
	ctx     context.Context
	cancel  context.CancelFunc
}

// NewEtcdRegistry starts a session, whose keys go ttl after its process does.
func NewEtcdRegistry(client *clientv3.Client, ttl time.Duration) (*EtcdRegistry, error) {
	session, err := concurrency.NewSession(client, concurrency.WithTTL(int(ttl.Seconds())))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &EtcdRegistry{client: client, session: session, ctx: ctx, cancel: cancel}, nil
}

func (r *EtcdRegistry) Register(ctx context.Context, instance ServiceInstance) error {
	value, err := json.Marshal(instance)
	if err != nil {
		return err
	}
	_, err = r.client.Put(ctx, keyOf(instance), string(value), clientv3.WithLease(r.session.Lease()))
	return err
}

func (r *EtcdRegistry) UnRegister(ctx context.Context, instance ServiceInstance) error {
	_, err := r.client.Delete(ctx, keyOf(instance))
	return err
}

func (r *EtcdRegistry) ListServices(ctx context.Context, name string) ([]ServiceInstance, error) {
	found, err := r.client.Get(ctx, prefixOf(name), clientv3.WithPrefix())
	if err != nil {
		return nil, err
	}
	instances := make([]ServiceInstance, 0, len(found.Kvs))
	for _, kv := range found.Kvs {
		var instance ServiceInstance
		if err := json.Unmarshal(kv.Value, &instance); err != nil {
			return nil, fmt.Errorf("%s: %w", kv.Key, err)
		}
		instances = append(instances, instance)
	}
	return instances, nil
}

func (r *EtcdRegistry) Subscribe(name string) (<-chan Event, error) {
	watched := r.client.Watch(clientv3.WithRequireLeader(r.ctx), prefixOf(name), clientv3.WithPrefix())
	events := make(chan Event)
	go func() {
		defer close(events)
		for answer := range watched {
			select {
			case events <- Event{Err: answer.Err()}:
			case <-r.ctx.Done():
				return
			}
		}
	}()
	return events, nil
}

// Close ends the subscriptions and revokes the session's lease.
func (r *EtcdRegistry) Close() error {
	r.cancel()
	return r.session.Close()
}

func keyOf(instance ServiceInstance) string {
	return prefixOf(instance.Name) + instance.Address
}

func prefixOf(name string) string {
	return "/micro/" + name + "/"
}
