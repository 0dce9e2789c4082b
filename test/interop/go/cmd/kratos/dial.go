package main

import (
	"context"

	"github.com/go-kratos/kratos/v2/transport/grpc"
	clientv3 "go.etcd.io/etcd/client/v3"
	gogrpc "google.golang.org/grpc"

	"rookery.test/drive"
	"rookery.test/interop/kratosetcd"
)

// dial changes nothing of the defaults but the timeout of 2 s, which long calls would not survive.
func dial(o drive.Options) (gogrpc.ClientConnInterface, error) {
	client, err := clientv3.NewFromURL("http://" + o.Etcd)
	if err != nil {
		return nil, err
	}
	return grpc.DialInsecure(context.Background(),
		grpc.WithEndpoint("discovery:///"+o.Service),
		grpc.WithDiscovery(&kratosetcd.Discovery{Client: client}),
		grpc.WithTimeout(0),
		grpc.WithPrintDiscoveryDebugLog(false),
	)
}
