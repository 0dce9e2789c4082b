package kratosetcd

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/go-kratos/kratos/v2/registry"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Discovery reads what Registrar writes.
type Discovery struct {
	Client *clientv3.Client
}

// GetService lists the instances of a service; as in contrib/registry/etcd, one value that is no JSON fails them all.
func (d *Discovery) GetService(ctx context.Context, name string) ([]*registry.ServiceInstance, error) {
	found, err := d.Client.Get(ctx, prefixOf(name), clientv3.WithPrefix())
	if err != nil {
		return nil, err
	}
	instances := make([]*registry.ServiceInstance, 0, len(found.Kvs))
	for _, kv := range found.Kvs {
		instance := &registry.ServiceInstance{}
		if err := json.Unmarshal(kv.Value, instance); err != nil {
			return nil, err
		}
		// The prefix has no slash at its end, so another service's name may begin with this one's.
		if instance.Name == name {
			instances = append(instances, instance)
		}
	}
	return instances, nil
}

// Watch lists again at every event.
func (d *Discovery) Watch(ctx context.Context, name string) (registry.Watcher, error) {
	ctx, cancel := context.WithCancel(ctx)
	events := d.Client.Watch(ctx, prefixOf(name), clientv3.WithPrefix(), clientv3.WithKeysOnly())
	return &watcher{discovery: d, name: name, ctx: ctx, cancel: cancel, events: events, first: true}, nil
}

type watcher struct {
	discovery *Discovery
	name      string
	ctx       context.Context
	cancel    context.CancelFunc
	events    clientv3.WatchChan
	first     bool
}

func (w *watcher) Next() ([]*registry.ServiceInstance, error) {
	if w.first {
		w.first = false
		return w.discovery.GetService(w.ctx, w.name)
	}
	select {
	case <-w.ctx.Done():
		return nil, w.ctx.Err()
	case _, ok := <-w.events:
		if !ok {
			return nil, errors.New("the watch has ended")
		}
		return w.discovery.GetService(w.ctx, w.name)
	}
}

func (w *watcher) Stop() error {
	w.cancel()
	return nil
}

func prefixOf(name string) string {
	return Namespace + "/" + name
}
