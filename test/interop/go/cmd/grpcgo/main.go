// Grpcgo is grpc-go with etcd's own resolver and endpoints manager, and nothing else.
package main

import "rookery.test/drive"

func main() {
	drive.Main(drive.Peer{Serve: serve, Dial: dial})
}

// target is where Rookery keeps its services, which etcd's resolver can read.
func target(o drive.Options) string {
	return o.Or("rookery/services/" + o.Service)
}
