package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/examples/internal/deployment"
	"github.com/slastream/slastream-go/fevm/chain"
	"github.com/slastream/slastream-go/fevm/policy"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/slastream/relay"
	"github.com/slastream/slastream-go/starknet"
)

// checkTimeout is how long the questions before the first turn take at most.
const checkTimeout = time.Minute

// check asks both chains whether the configuration fits them, before anything
// is signed. An error says what to do. It reads no history.
func (d *daemon) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	for _, check := range []func(context.Context) error{d.checkFilecoin, d.starknet.check, d.checkEscrow, d.checkAccount, d.checkDeals} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkFilecoin makes sure of the chain of each node and of the verifier. A node
// that does not answer is a warning while enough others do.
func (d *daemon) checkFilecoin(ctx context.Context) error {
	c := &d.config.FEVM
	good := 0
	var failures []error
	for i, n := range d.fevm {
		client, err := chain.New(n, chain.Config{ChainID: c.ChainID})
		if err != nil {
			return err
		}
		_, err = client.ChainID(ctx)
		if other, ok := errors.AsType[*chain.ChainIDError](err); ok {
			return fmt.Errorf("fevm.rpc: %s serves chain %d, fevm.chain_id is %d: use a node of the right chain", n.host, other.Got, other.Want)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("fevm.rpc[%d]: %w", i, err))
			continue
		}
		good++
	}
	if good < c.Quorum {
		return fmt.Errorf("fevm.rpc: %d of %d nodes answer, want %d: is the address right, and the node up? %w", good, len(d.fevm), c.Quorum, errors.Join(failures...))
	}
	for _, err := range failures {
		d.log.Warn("a node does not answer", "err", err)
	}
	var code hexutil.Bytes
	for _, n := range d.fevm {
		if err := n.CallContext(ctx, &code, "eth_getCode", common.Address(c.PDPVerifier), "latest"); err == nil {
			break
		}
	}
	if len(code) == 0 {
		return fmt.Errorf("fevm.pdp_verifier %s: there is no contract at this address on chain %d: correct the address or the chain", attestation.EthereumAddress(c.PDPVerifier), c.ChainID)
	}
	return nil
}

// checkEscrow logs what there is to know about the escrow, and refuses what
// cannot work.
func (d *daemon) checkEscrow(ctx context.Context) error {
	c := &d.config.Starknet
	key := d.signer.PublicKey()
	report, err := starknet.CheckEscrow(ctx, d.starknet, c.Escrow, starknet.EscrowExpectation{
		ChainID: c.ChainID, Key: &key, Token: c.Token, Owner: c.Owner,
	})
	if err != nil {
		return fmt.Errorf("starknet.rpc: %w: is the address right, and the node up?", err)
	}
	var critical []string
	for _, f := range report.Findings {
		switch f.Severity {
		case starknet.SeverityCritical:
			critical = append(critical, refusal(f, c, report, key))
		case starknet.SeverityWarning:
			d.log.Warn("escrow: "+f.Text, "subject", f.Subject)
		default:
			d.log.Info("escrow: "+f.Text, "subject", f.Subject)
		}
	}
	if len(critical) > 0 {
		return errors.New(critical[0])
	}
	d.rules = report.Rules
	if !report.RulesKnown {
		d.rules = attestation.RulesLowS // what every escrow takes
	}
	if report.Class == "extended" {
		d.class = slastream.ClassExtended
	}
	if d.config.Relay.Batch > 1 && d.class != slastream.ClassExtended {
		return fmt.Errorf("relay.batch is %d, but the escrow's class %q has no release_batch: use relay.multicall", d.config.Relay.Batch, report.Class)
	}
	d.token = starknet.NewERC20(d.starknet, report.Token)
	if d.decimals, err = d.token.Decimals(ctx); err != nil {
		if d.config.Relay.Limits != (limitsConfig{}) {
			return fmt.Errorf("starknet: decimals of the token %v: %w: without them relay.limits cannot be read", report.Token, err)
		}
		d.decimals = 18
	}
	return nil
}

// refusal says in words of the file what is wrong with an escrow.
func refusal(f starknet.Finding, c *starknetConfig, r *starknet.EscrowReport, key attestation.PublicKey) string {
	switch {
	case f.Subject == "chain":
		return fmt.Sprintf("starknet.rpc serves chain %s, starknet.chain_id is %s: use a node of the right chain", deployment.ChainText(r.ChainID), deployment.ChainText(c.ChainID))
	case f.Subject == "key" && r.Key != key:
		return fmt.Sprintf("the signer's key is %v, the escrow pays for %v: use the signer that the escrow was deployed for, or the escrow of this signer", key, r.Key)
	}
	return "starknet.escrow: " + f.Text
}

// checkAccount makes sure that there is an account that can pay.
func (d *daemon) checkAccount(ctx context.Context) error {
	address := d.account.Address()
	class, err := starknet.NewEscrow(d.starknet, address).ClassHash(ctx)
	if err != nil {
		return fmt.Errorf("starknet.accounts[%d]: %w", d.config.Relay.Account, err)
	}
	if class.IsZero() {
		return fmt.Errorf("starknet.accounts[%d] %v is not deployed on %s: deploy it, or take another account", d.config.Relay.Account, address, deployment.ChainText(d.config.Starknet.ChainID))
	}
	if d.strk == nil {
		return nil
	}
	balance, err := d.strk.BalanceOf(ctx, address)
	if err != nil {
		return fmt.Errorf("starknet.accounts[%d]: balance: %w", d.config.Relay.Account, err)
	}
	if balance.IsZero() {
		d.log.Warn("the account has no STRK and cannot pay for a release: send it some", "account", address)
	}
	return nil
}

// checkDeals looks at the deals that the configuration binds.
func (d *daemon) checkDeals(ctx context.Context) error {
	for _, b := range d.config.bindings() {
		if err := d.checkDeal(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (d *daemon) checkDeal(ctx context.Context, b relay.Binding) error {
	id := b.Deal.Big()
	deal, err := d.escrow.Deal(ctx, b.Deal)
	switch {
	case err != nil:
		return fmt.Errorf("deal %s: %w", id, err)
	case !deal.Exists():
		return fmt.Errorf("binding of deal %s: the escrow has no such deal: bind one that exists, ids start at 1", id)
	case !deal.Active:
		d.log.Info("the deal is over", "deal", id, "released", deal.Released, "of", deal.Chunks, "slashed", deal.Slashed)
		return nil
	}
	start := b.StartEpoch
	if start == 0 {
		if start, err = d.start(ctx, deal); err != nil {
			return fmt.Errorf("start epoch of deal %s: %w", id, err)
		}
	}
	if d.timeOf(start) >= deal.Deadline {
		return fmt.Errorf("binding of deal %s: start epoch %d is at %s, the deadline at %s: no proof could pay: correct start_epoch or relay.genesis_time",
			id, start, stamp(d.timeOf(start)), stamp(deal.Deadline))
	}
	if start < d.config.Relay.FromBlock {
		d.log.Warn("relay.from_block is behind the start epoch: proofs before it are not seen", "deal", id, "start_epoch", start, "from_block", d.config.Relay.FromBlock)
	}
	d.warnRoom(deal, start)
	return nil
}

// warnRoom warns if a deal has fewer periods left than chunks.
func (d *daemon) warnRoom(deal slastream.Deal, start uint64) {
	if d.config.Relay.Period == 0 {
		return
	}
	f, err := deal.Forecast(d.cadence(start), slastream.Progress{}, uint64(time.Now().Unix()))
	if err == nil && f.Outlook == slastream.OutlookShort {
		d.log.Warn("fewer proving periods are left until the deadline than chunks", "deal", deal.ID.Big(), "chunks", f.Left,
			"periods", f.Room, "deadline", stamp(deal.Deadline), "period_epochs", d.config.Relay.Period)
	}
}

func (d *daemon) cadence(start uint64) slastream.Cadence {
	return slastream.Cadence{Start: d.timeOf(start), Period: d.config.Relay.Period * slastream.EpochSeconds}
}

func stamp(unix uint64) string {
	return time.Unix(int64(min(unix, 1<<62)), 0).UTC().Format(time.RFC3339)
}

// waits are what can be wrong with a data set that its provider can still put
// right: it is watched.
var waits = map[policy.Reason]bool{
	policy.ReasonNotSeen: true, policy.ReasonFewLeaves: true, policy.ReasonOtherPieces: true, policy.ReasonBadPiece: true,
}

// judge says what is wrong for good in what binding came to, "" for nothing:
// the rest is tried again with each turn.
func judge(err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *relay.MismatchError:
		return e
	case *policy.SetError:
		if !waits[e.Reason] {
			return e
		}
		return nil
	}
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if bad := judge(inner); bad != nil {
				return bad
			}
		}
	case interface{ Unwrap() error }:
		if judge(e.Unwrap()) != nil {
			return err
		}
	}
	return nil
}

// words are what packages call things that the file calls otherwise.
var words = strings.NewReplacer(
	"Config.FromBlock", "relay.from_block", "Rules.Listeners", "relay.rules.listeners",
	"Rules.Providers", "relay.rules.providers", "Rules.MinLeaves", "relay.rules.min_leaves",
)

// oneLine is an error on one line, in the words of the file.
func oneLine(err error) string {
	return words.Replace(strings.Join(strings.FieldsFunc(err.Error(), isBreak), "; "))
}

func isBreak(r rune) bool { return r == '\n' || r == '\r' }
