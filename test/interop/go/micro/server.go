package micro

import (
	"context"
	"net"
	"time"

	"google.golang.org/grpc"
)

// Server is a gRPC server that registers itself.
type Server struct {
	*grpc.Server
	name            string
	registry        Registry
	registerTimeout time.Duration
	weight          uint32
	group           string
	onRegistered    func(address string)
	instance        ServiceInstance
}

// ServerOption changes a server.
type ServerOption func(*Server)

func WithRegistry(registry Registry) ServerOption {
	return func(s *Server) { s.registry = registry }
}

// WithRegisterTimeout is how long registering may take; default 10 s.
func WithRegisterTimeout(timeout time.Duration) ServerOption {
	return func(s *Server) { s.registerTimeout = timeout }
}

func WithWeight(weight uint32) ServerOption {
	return func(s *Server) { s.weight = weight }
}

func WithGroup(group string) ServerOption {
	return func(s *Server) { s.group = group }
}

// OnRegistered is told the address once others can find it.
func OnRegistered(tell func(address string)) ServerOption {
	return func(s *Server) { s.onRegistered = tell }
}

func NewServer(name string, options ...ServerOption) *Server {
	s := &Server{
		Server:          grpc.NewServer(),
		name:            name,
		registerTimeout: 10 * time.Second,
		onRegistered:    func(string) {},
	}
	for _, option := range options {
		option(s)
	}
	return s
}

// Start listens, registers and serves until Close.
func (s *Server) Start(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	if s.registry != nil {
		s.instance = ServiceInstance{Name: s.name, Address: listener.Addr().String(), Weight: s.weight, Group: s.group}
		ctx, cancel := context.WithTimeout(context.Background(), s.registerTimeout)
		defer cancel()
		if err := s.registry.Register(ctx, s.instance); err != nil {
			return err
		}
	}
	s.onRegistered(listener.Addr().String())
	return s.Serve(listener)
}

// Close deregisters, waits for settle so that clients hear of it, and stops once the running calls have ended.
func (s *Server) Close(settle time.Duration) error {
	if s.registry != nil {
		ctx, cancel := context.WithTimeout(context.Background(), s.registerTimeout)
		defer cancel()
		if err := s.registry.UnRegister(ctx, s.instance); err != nil {
			return err
		}
		time.Sleep(settle)
	}
	s.GracefulStop()
	return nil
}
