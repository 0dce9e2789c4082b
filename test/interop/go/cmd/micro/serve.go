package main

import (
	"context"
	"os/signal"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rookery.test/drive"
	"rookery.test/interop/micro"
)

// settle is how long a server goes on serving once it is deregistered.
const settle = 500 * time.Millisecond

func serve(o drive.Options) error {
	client, err := clientv3.NewFromURL("http://" + o.Etcd)
	if err != nil {
		return err
	}
	defer client.Close()
	registry, err := micro.NewEtcdRegistry(client, o.TTL)
	if err != nil {
		return err
	}
	defer registry.Close()
	server := micro.NewServer(o.Service,
		micro.WithRegistry(registry),
		micro.WithRegisterTimeout(5*time.Second),
		micro.WithWeight(uint32(o.Weight)),
		micro.WithGroup(o.Group),
		micro.OnRegistered(drive.Listening),
	)
	drive.RegisterService(server, o)
	served := make(chan error, 1)
	go func() { served <- server.Start(o.Address) }()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return server.Close(settle)
	}
}
