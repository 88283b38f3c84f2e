package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/examples/internal/deployment"
)

// probeTimeout is how long the nodes have to say how far they are.
const probeTimeout = 5 * time.Second

// probe asks each node that is not left alone how far it is, and chooses the one
// to use. A single node is used as it is.
func (p *starknetPool) probe(ctx context.Context) {
	if len(p.members) == 1 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for _, m := range p.members {
		if p.due(m) {
			wg.Go(func() { p.look(ctx, m) })
		}
	}
	wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.choose()
}

func (p *starknetPool) due(m *starknetMember) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return m.wrong == nil && !time.Now().Before(m.until)
}

// look asks one node how far it is, and before that, which chain it serves.
func (p *starknetPool) look(ctx context.Context, m *starknetMember) (err error) {
	defer func() {
		if err == nil {
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		m.fail()
	}()
	p.mu.Lock()
	good := m.good
	p.mu.Unlock()
	if !good {
		if err := p.examine(ctx, m); err != nil {
			return err
		}
	}
	var height uint64
	if err := m.CallContext(ctx, &height, "starknet_blockNumber"); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	m.height, m.fails, m.until = height, 0, time.Time{}
	return nil
}

// examine asks a node for its chain and version. One of another chain is never
// used.
func (p *starknetPool) examine(ctx context.Context, m *starknetMember) error {
	var id attestation.Word
	if err := m.CallContext(ctx, &id, "starknet_chainId"); err != nil {
		return err
	}
	var version string
	if err := m.CallContext(ctx, &version, "starknet_specVersion"); err != nil {
		return err
	}
	if parts := strings.Split(version, "."); len(parts) > 2 {
		version = parts[0] + "." + parts[1]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case id != p.chain:
		m.wrong = fmt.Errorf("starknet.rpc: %s serves chain %s, starknet.chain_id is %s: use a node of the right chain", m.host, deployment.ChainText(id), deployment.ChainText(p.chain))
	case p.version != "" && version != p.version:
		m.wrong = fmt.Errorf("starknet.rpc: %s speaks RPC %s, another node %s: use endpoints of one version, such as those whose URLs end in /rpc/v0_9", m.host, shortened(version), shortened(p.version))
	default:
		m.good, p.version = true, version
		return nil
	}
	p.log.Error("a node is not used", "err", m.wrong)
	return m.wrong
}

// check makes sure, before the first turn, of the chain of each node. A node that
// does not answer is a warning while another one does.
func (p *starknetPool) check(ctx context.Context) error {
	if len(p.members) == 1 {
		return nil // the check of the escrow finds out
	}
	failures := make([]error, len(p.members))
	var wg sync.WaitGroup
	for i, m := range p.members {
		wg.Go(func() { failures[i] = p.look(ctx, m) })
	}
	wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	good := 0
	for i, m := range p.members {
		if m.wrong != nil {
			return m.wrong
		}
		if failures[i] == nil {
			good++
		}
	}
	if good == 0 {
		return fmt.Errorf("starknet.rpc: none of %d nodes answers: are the addresses right, and the nodes up? %w", len(p.members), errors.Join(failures...))
	}
	for i, err := range failures {
		if err != nil {
			p.log.Warn("a node does not answer", "node", fmt.Sprintf("starknet.rpc[%d]", i), "err", oneLine(err))
		}
	}
	p.choose()
	return nil
}
