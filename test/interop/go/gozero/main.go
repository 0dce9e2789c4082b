// Gozero is go-zero's zrpc, which finds its servers by etcd.
package main

import "rookery.test/drive"

func main() {
	drive.Main(drive.Peer{Serve: serve, Dial: dial})
}
