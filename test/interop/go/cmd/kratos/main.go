// Kratos is kratos' application, gRPC server and client, which find each other by its registry in etcd.
package main

import "rookery.test/drive"

func main() {
	drive.Main(drive.Peer{Serve: serve, Dial: dial})
}
