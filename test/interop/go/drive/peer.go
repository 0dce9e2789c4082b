// Package drive makes a server and a client program of a framework, which specs drive over stdin and stdout. A program
// prints what it tells as lines `interop {…}`; anything else on its stdout is the framework's own log.
package drive

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"google.golang.org/grpc"
)

// Peer is what a framework brings.
type Peer struct {
	// Serve serves until SIGTERM, as the framework does; it calls Listening once the server is registered.
	Serve func(Options) error
	Dial  func(Options) (grpc.ClientConnInterface, error)
	// WithGroup is nil where the framework has no groups.
	WithGroup func(ctx context.Context, group string) context.Context
}

// Main is the whole program: `serve` or `call`, then flags.
func Main(p Peer) {
	if len(os.Args) < 2 {
		Fail(fmt.Errorf("usage: %s serve|call [flags]", os.Args[0]))
	}
	options, err := parse(os.Args[2:])
	if err != nil {
		Fail(err)
	}
	switch os.Args[1] {
	case "serve":
		err = p.Serve(options)
	case "call":
		err = p.call(options)
	default:
		err = fmt.Errorf("there is no %q; there are serve and call", os.Args[1])
	}
	if err != nil {
		Fail(err)
	}
}

// Listening tells that a server is registered and serves at the address.
func Listening(address string) {
	tell(map[string]string{"listening": address})
}

var telling sync.Mutex

func tell(what any) {
	line, err := json.Marshal(what)
	if err != nil {
		Fail(err)
	}
	telling.Lock()
	defer telling.Unlock()
	fmt.Printf("interop %s\n", line)
}
