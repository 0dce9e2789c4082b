package main

import (
	"context"
	"strconv"

	"github.com/go-kratos/kratos/v2"
	"github.com/go-kratos/kratos/v2/transport/grpc"
	clientv3 "go.etcd.io/etcd/client/v3"

	"rookery.test/drive"
	"rookery.test/interop/kratosetcd"
)

// serve changes nothing of the defaults but the timeout of 1 s, which long calls would not survive.
func serve(o drive.Options) error {
	client, err := clientv3.NewFromURL("http://" + o.Etcd)
	if err != nil {
		return err
	}
	defer client.Close()
	server := grpc.NewServer(grpc.Address(o.Address), grpc.Timeout(0))
	drive.RegisterService(server, o)
	options := []kratos.Option{
		kratos.Name(o.Service),
		kratos.Version("v1"),
		kratos.Server(server),
		kratos.Registrar(&kratosetcd.Registrar{Client: client, TTL: o.TTL}),
		kratos.AfterStart(func(context.Context) error {
			endpoint, err := server.Endpoint()
			if err == nil {
				drive.Listening(endpoint.Host)
			}
			return err
		}),
	}
	if o.Weight > 0 {
		options = append(options, kratos.Metadata(map[string]string{"weight": strconv.Itoa(o.Weight)}))
	}
	return kratos.New(options...).Run()
}
