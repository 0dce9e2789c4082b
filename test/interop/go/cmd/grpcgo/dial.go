package main

import (
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/resolver"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"rookery.test/drive"
)

func dial(o drive.Options) (grpc.ClientConnInterface, error) {
	client, err := clientv3.NewFromURL("http://" + o.Etcd)
	if err != nil {
		return nil, err
	}
	builder, err := resolver.NewBuilder(client)
	if err != nil {
		return nil, err
	}
	return grpc.NewClient("etcd:///"+target(o),
		grpc.WithResolvers(builder),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
	)
}
