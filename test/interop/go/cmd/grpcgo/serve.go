package main

import (
	"context"
	"net"
	"os/signal"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
	"google.golang.org/grpc"

	"rookery.test/drive"
)

// settle is how long a server goes on serving once its key is gone: etcd's manager leaves that to its user.
const settle = 500 * time.Millisecond

func serve(o drive.Options) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	client, err := clientv3.NewFromURL("http://" + o.Etcd)
	if err != nil {
		return err
	}
	defer client.Close()
	listener, err := net.Listen("tcp", o.Address)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	drive.RegisterService(server, o)
	go server.Serve(listener)
	entry, err := register(client, o, listener.Addr().String())
	if err != nil {
		return err
	}
	drive.Listening(listener.Addr().String())
	entry.keep(ctx)
	if err := entry.remove(); err != nil {
		return err
	}
	time.Sleep(settle)
	server.GracefulStop()
	return nil
}

// entry is an endpoint of etcd's manager and its lease, which the manager leaves to its user.
type entry struct {
	client    *clientv3.Client
	manager   endpoints.Manager
	key       string
	address   string
	ttl       int64
	keptAlive <-chan *clientv3.LeaseKeepAliveResponse
}

func register(client *clientv3.Client, o drive.Options, address string) (*entry, error) {
	manager, err := endpoints.NewManager(client, target(o))
	if err != nil {
		return nil, err
	}
	e := &entry{client: client, manager: manager, key: target(o) + "/" + address, address: address, ttl: int64(o.TTL.Seconds())}
	return e, e.add(context.Background())
}

func (e *entry) add(ctx context.Context) error {
	lease, err := e.client.Grant(ctx, e.ttl)
	if err != nil {
		return err
	}
	err = e.manager.AddEndpoint(ctx, e.key, endpoints.Endpoint{Addr: e.address}, clientv3.WithLease(lease.ID))
	if err != nil {
		return err
	}
	e.keptAlive, err = e.client.KeepAlive(ctx, lease.ID)
	return err
}

// keep registers again whenever the lease is lost, until the context ends.
func (e *entry) keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-e.keptAlive:
			if ok {
				continue
			}
			if err := e.add(ctx); err != nil {
				time.Sleep(100 * time.Millisecond)
			}
		}
	}
}

func (e *entry) remove() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return e.manager.DeleteEndpoint(ctx, e.key)
}
