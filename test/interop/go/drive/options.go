package drive

import (
	"flag"
	"fmt"
	"os"
	"time"
)

// Options are what every program takes, whichever of them its framework knows.
type Options struct {
	// Etcd is host:port.
	Etcd string
	// Service is the name that clients dial.
	Service string
	// Target is where the framework keeps the service in etcd; "" is the framework's own default.
	Target string
	// Name is who answers, for reports.
	Name string
	// Address is what a server listens on and registers.
	Address string
	Weight  int
	Group   string
	// TTL is of a server's lease.
	TTL time.Duration
}

func parse(args []string) (Options, error) {
	var o Options
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.StringVar(&o.Etcd, "etcd", "127.0.0.1:2379", "host:port of etcd")
	flags.StringVar(&o.Service, "service", "interop", "the service")
	flags.StringVar(&o.Target, "target", "", "where the service is kept in etcd")
	flags.StringVar(&o.Name, "name", "", "who answers")
	flags.StringVar(&o.Address, "address", "127.0.0.1:0", "where to listen")
	flags.IntVar(&o.Weight, "weight", 0, "0 = the framework's default")
	flags.StringVar(&o.Group, "group", "", "of the server")
	flags.DurationVar(&o.TTL, "ttl", 5*time.Second, "of the server's lease")
	err := flags.Parse(args)
	return o, err
}

// Or is the target, or a default where there is none.
func (o Options) Or(target string) string {
	if o.Target != "" {
		return o.Target
	}
	return target
}

// Fail ends the program.
func Fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
