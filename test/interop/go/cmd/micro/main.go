// Micro is the framework of package micro, on etcd.
package main

import (
	"rookery.test/drive"
	"rookery.test/interop/micro"
)

func main() {
	drive.Main(drive.Peer{Serve: serve, Dial: dial, WithGroup: micro.ContextWithGroup})
}
