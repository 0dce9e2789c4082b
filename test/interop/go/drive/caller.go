package drive

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/status"

	"rookery.test/drive/contract"
)

const (
	workers = 8
	// slack is how much longer than what it was asked for a call may take.
	slack = 10 * time.Second
)

// report is what calls came to.
type report struct {
	mu sync.Mutex
	// Tally says who answered how many; of a stream, each message counts.
	Tally map[string]int `json:"tally"`
	// Failed says how many calls failed with which status and message.
	Failed map[string]int `json:"failed"`
}

type caller struct {
	client    contract.InteropClient
	withGroup func(context.Context, string) context.Context
	loaded    atomic.Pointer[load]
}

type load struct {
	ended  chan struct{}
	done   sync.WaitGroup
	report *report
}

func (c *caller) run(cmd command) *report {
	switch cmd.Do {
	case "ask":
		return c.repeat(cmd, c.ask)
	case "follow":
		return c.repeat(cmd, c.follow)
	case "load":
		return c.load(cmd)
	case "unload":
		loaded := c.loaded.Swap(nil)
		close(loaded.ended)
		loaded.done.Wait()
		return loaded.report
	}
	return &report{Failed: map[string]int{"there is no " + cmd.Do: 1}}
}

func (c *caller) repeat(cmd command, call func(command, *report)) *report {
	r := newReport()
	for range max(cmd.N, 1) {
		call(cmd, r)
	}
	return r
}

// load leaves workers calling, each one call after the other, and answers at once.
func (c *caller) load(cmd command) *report {
	l := &load{ended: make(chan struct{}), report: newReport()}
	for range workers {
		l.done.Go(func() {
			for {
				select {
				case <-l.ended:
					return
				default:
					c.ask(cmd, l.report)
				}
			}
		})
	}
	c.loaded.Store(l)
	return newReport()
}

func (c *caller) ask(cmd command, r *report) {
	ctx, cancel := c.context(cmd, 1)
	defer cancel()
	got, err := c.client.Ask(ctx, &contract.Question{DelayMs: cmd.Ms})
	if err != nil {
		r.fail(err)
		return
	}
	r.count(got.GetName())
}

func (c *caller) follow(cmd command, r *report) {
	ctx, cancel := c.context(cmd, cmd.Count)
	defer cancel()
	stream, err := c.client.Follow(ctx, &contract.Question{DelayMs: cmd.Ms, Count: cmd.Count})
	for err == nil {
		var got *contract.Answer
		if got, err = stream.Recv(); err == nil {
			r.count(got.GetName())
		}
	}
	if !errors.Is(err, io.EOF) {
		r.fail(err)
	}
}

func (c *caller) context(cmd command, messages int32) (context.Context, context.CancelFunc) {
	ctx := context.Background()
	if cmd.Group != "" && c.withGroup != nil {
		ctx = c.withGroup(ctx, cmd.Group)
	}
	return context.WithTimeout(ctx, time.Duration(cmd.Ms*messages)*time.Millisecond+slack)
}

func newReport() *report {
	return &report{Tally: map[string]int{}, Failed: map[string]int{}}
}

func (r *report) count(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Tally[name]++
}

func (r *report) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Failed[status.Code(err).String()+": "+status.Convert(err).Message()]++
}
