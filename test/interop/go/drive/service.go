package drive

import (
	"context"
	"os"
	"time"

	"google.golang.org/grpc"

	"rookery.test/drive/contract"
)

type service struct {
	contract.UnimplementedInteropServer
	name string
}

// RegisterService makes a server answer under the name of its options.
func RegisterService(registrar grpc.ServiceRegistrar, o Options) {
	contract.RegisterInteropServer(registrar, &service{name: o.Name})
}

func (s *service) Ask(ctx context.Context, question *contract.Question) (*contract.Answer, error) {
	if err := wait(ctx, question); err != nil {
		return nil, err
	}
	return s.answer(question, 0), nil
}

func (s *service) Follow(question *contract.Question, stream grpc.ServerStreamingServer[contract.Answer]) error {
	for i := range question.GetCount() {
		if i > 0 {
			if err := wait(stream.Context(), question); err != nil {
				return err
			}
		}
		if err := stream.Send(s.answer(question, i)); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) answer(question *contract.Question, index int32) *contract.Answer {
	return &contract.Answer{Name: s.name, Pid: int32(os.Getpid()), Text: question.GetText(), Index: index}
}

func wait(ctx context.Context, question *contract.Question) error {
	select {
	case <-time.After(time.Duration(question.GetDelayMs()) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
