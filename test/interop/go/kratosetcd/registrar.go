// Package kratosetcd keeps services of kratos in etcd where kratos' own contrib/registry/etcd keeps them, which is no module
// that the module proxy has: `/microservices/<name>/<id>`, JSON of registry.ServiceInstance, one lease an instance.
package kratosetcd

import (
	"context"
	"encoding/json"
	"time"

	"github.com/go-kratos/kratos/v2/registry"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Namespace is the default of contrib/registry/etcd.
const Namespace = "/microservices"

// Registrar writes an instance, and writes it again where its lease is lost.
type Registrar struct {
	Client *clientv3.Client
	TTL    time.Duration

	stop context.CancelFunc
}

// Register puts the instance with a new lease.
func (r *Registrar) Register(ctx context.Context, instance *registry.ServiceInstance) error {
	value, err := json.Marshal(instance)
	if err != nil {
		return err
	}
	lease, err := r.put(ctx, keyOf(instance), string(value))
	if err != nil {
		return err
	}
	var keeping context.Context
	keeping, r.stop = context.WithCancel(context.Background())
	go r.keep(keeping, lease, func() (clientv3.LeaseID, error) { return r.put(keeping, keyOf(instance), string(value)) })
	return nil
}

// Deregister deletes the key, and leaves the lease to expire by itself.
func (r *Registrar) Deregister(ctx context.Context, instance *registry.ServiceInstance) error {
	r.stop()
	_, err := r.Client.Delete(ctx, keyOf(instance))
	return err
}

func (r *Registrar) put(ctx context.Context, key, value string) (clientv3.LeaseID, error) {
	lease, err := r.Client.Grant(ctx, int64(r.TTL.Seconds()))
	if err != nil {
		return 0, err
	}
	_, err = r.Client.Put(ctx, key, value, clientv3.WithLease(lease.ID))
	return lease.ID, err
}

func (r *Registrar) keep(ctx context.Context, lease clientv3.LeaseID, again func() (clientv3.LeaseID, error)) {
	for ctx.Err() == nil {
		answers, err := r.Client.KeepAlive(ctx, lease)
		for err == nil {
			if _, ok := <-answers; !ok {
				break
			}
		}
		if ctx.Err() != nil {
			return
		}
		if lease, err = again(); err != nil {
			time.Sleep(time.Second)
		}
	}
}

func keyOf(instance *registry.ServiceInstance) string {
	return Namespace + "/" + instance.Name + "/" + instance.ID
}
