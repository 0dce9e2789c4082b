package main

import (
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"rookery.test/drive"
	"rookery.test/interop/micro"
)

func dial(o drive.Options) (grpc.ClientConnInterface, error) {
	client, err := clientv3.NewFromURL("http://" + o.Etcd)
	if err != nil {
		return nil, err
	}
	registry, err := micro.NewEtcdRegistry(client, o.TTL)
	if err != nil {
		return nil, err
	}
	return grpc.NewClient("registry:///"+o.Service,
		grpc.WithResolvers(micro.NewResolverBuilder(registry, 3*time.Second)),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"`+micro.Policy+`":{}}]}`),
	)
}
