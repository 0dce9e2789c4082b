package main

import (
	"github.com/zeromicro/go-zero/core/conf"
	"github.com/zeromicro/go-zero/core/discov"
	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/zrpc"
	"google.golang.org/grpc"

	"rookery.test/drive"
)

// dial changes nothing of the defaults but the timeout of 2 s, which long calls would not survive.
func dial(o drive.Options) (grpc.ClientConnInterface, error) {
	logx.DisableStat()
	var config zrpc.RpcClientConf
	if err := conf.FillDefault(&config); err != nil {
		return nil, err
	}
	config.Etcd = discov.EtcdConf{Hosts: []string{o.Etcd}, Key: o.Or(o.Service)}
	config.Timeout = 0
	client, err := zrpc.NewClient(config)
	if err != nil {
		return nil, err
	}
	return client.Conn(), nil
}
