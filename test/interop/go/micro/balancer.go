package micro

import (
	"context"
	"sync"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
)

// Policy is the balancer's name in a service config: weighted round robin inside the group of the call.
const Policy = "micro_weighted"

func init() {
	balancer.Register(base.NewBalancerBuilder(Policy, pickerBuilder{}, base.Config{HealthCheck: true}))
}

type groupKey struct{}

// ContextWithGroup makes calls go to instances of this group only; without it they go to those without a group.
func ContextWithGroup(ctx context.Context, group string) context.Context {
	return context.WithValue(ctx, groupKey{}, group)
}

type pickerBuilder struct{}

func (pickerBuilder) Build(info base.PickerBuildInfo) balancer.Picker {
	p := &picker{groups: map[string][]*weighted{}}
	for conn, ready := range info.ReadySCs {
		weight, _ := ready.Address.Attributes.Value(weightOf).(uint32)
		group, _ := ready.Address.Attributes.Value(groupOf).(string)
		// An instance that says no weight has the same share as one that says 1.
		p.groups[group] = append(p.groups[group], &weighted{conn: conn, weight: int64(max(weight, 1))})
	}
	return p
}

type weighted struct {
	conn    balancer.SubConn
	weight  int64
	current int64
}

type picker struct {
	mu     sync.Mutex
	groups map[string][]*weighted
}

// Pick is nginx's smooth weighted round robin.
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	group, _ := info.Ctx.Value(groupKey{}).(string)
	p.mu.Lock()
	defer p.mu.Unlock()
	var total int64
	var best *weighted
	for _, candidate := range p.groups[group] {
		total += candidate.weight
		candidate.current += candidate.weight
		if best == nil || candidate.current > best.current {
			best = candidate
		}
	}
	if best == nil {
		return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
	}
	best.current -= total
	return balancer.PickResult{SubConn: best.conn}, nil
}
