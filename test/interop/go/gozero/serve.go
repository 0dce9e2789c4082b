package main

import (
	"fmt"
	"net"
	"time"

	"github.com/zeromicro/go-zero/core/conf"
	"github.com/zeromicro/go-zero/core/discov"
	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/zrpc"
	"google.golang.org/grpc"

	"rookery.test/drive"
)

// serve changes nothing of the defaults but the timeout of 2 s, how long a lease lives, and the server for development.
// It needs an address with a port: go-zero registers what it is told, before it listens.
func serve(o drive.Options) error {
	if _, port, err := net.SplitHostPort(o.Address); err != nil || port == "0" {
		return fmt.Errorf("gozero needs an address with a port, found %q", o.Address)
	}
	discov.TimeToLive = int64(o.TTL.Seconds())
	var config zrpc.RpcServerConf
	if err := conf.FillDefault(&config); err != nil {
		return err
	}
	config.Name = o.Name
	config.ListenOn = o.Address
	config.Etcd = discov.EtcdConf{Hosts: []string{o.Etcd}, Key: o.Or(o.Service)}
	config.Timeout = 0
	// It would listen on port 6060.
	config.DevServer.Enabled = false
	server, err := zrpc.NewServer(config, func(registrar *grpc.Server) { drive.RegisterService(registrar, o) })
	if err != nil {
		return err
	}
	logx.DisableStat()
	go tellListening(o.Address)
	server.Start()
	return nil
}

// tellListening looks for itself, since go-zero has no hook between listening and serving.
func tellListening(address string) {
	for {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			drive.Listening(address)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
