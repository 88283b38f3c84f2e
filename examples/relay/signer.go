package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/signer/filejournal"
	"github.com/slastream/slastream-go/signer/keystore"
	"github.com/slastream/slastream-go/signer/pkcs11"
	"github.com/slastream/slastream-go/signer/remote"
)

// openSigner opens the key that the file names, behind a guard whose journal is
// in a file: what was signed once is never signed otherwise, also after a store
// was lost.
func (d *daemon) openSigner(ctx context.Context) error {
	inner, err := d.openKey(ctx)
	if err != nil {
		return err
	}
	if d.dry {
		d.signer = inner
		return nil
	}
	journal, err := openJournal(d.config.Relay.Journal)
	if err != nil {
		return err
	}
	d.closeLater(journal.Close)
	if d.ledger != nil {
		d.ledger.Journal = journal
	}
	d.signer = counted(signer.Guard(inner, journal), d.metrics)
	return nil
}

func (d *daemon) openKey(ctx context.Context) (signer.Signer, error) {
	r := &d.config.Relay
	pinned := attestation.PublicKey(d.config.Attester.PublicKey)
	var options []signer.Option
	if pinned != (attestation.PublicKey{}) {
		options = append(options, signer.WithPublicKey(pinned))
	}
	switch r.Signer {
	case "keystore":
		password, err := readSecret("relay.keystore.password_file", r.Keystore.Password)
		if err != nil {
			return nil, err
		}
		key, err := keystore.Open(r.Keystore.File, password)
		if err != nil {
			return nil, fmt.Errorf("relay.keystore: %w", err)
		}
		return signer.New(key, options...)
	case "pkcs11":
		c := pkcs11.Config{Module: r.PKCS11.Module, Token: r.PKCS11.Token, Serial: r.PKCS11.Serial, Label: r.PKCS11.Label}
		if r.PKCS11.PIN != "" {
			pin, err := readSecret("relay.pkcs11.pin_file", r.PKCS11.PIN)
			if err != nil {
				return nil, err
			}
			c.PIN = pkcs11.PIN(pin)
		}
		key, err := pkcs11.Open(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("relay.pkcs11: %w", err)
		}
		d.closeLater(key.Close)
		return signer.New(key, options...)
	case "lit":
		return d.openLit(pinned, options)
	case "remote", "web3signer":
		var with []remote.Option
		if r.Remote.Token != "" {
			token, err := readSecret("relay.remote.token_file", r.Remote.Token)
			if err != nil {
				return nil, err
			}
			with = append(with, remote.WithToken(remote.Token(token)))
		}
		return d.openRemote(pinned, with, options)
	}
	key, err := signer.NewLocal(d.config.Attester.PrivateKey)
	if err != nil {
		return nil, errors.New("attester.private_key is no secret of secp256k1: want 1 to n-1")
	}
	s, err := signer.New(key, options...)
	if err != nil {
		return nil, errors.New("attester.public_key is not the key of attester.private_key: correct one of them")
	}
	return s, nil
}

func (d *daemon) openRemote(pinned attestation.PublicKey, with []remote.Option, options []signer.Option) (signer.Signer, error) {
	r := &d.config.Relay
	if r.Signer == "web3signer" {
		key, err := remote.NewWeb3Signer(r.Remote.URL, pinned, with...)
		if err != nil {
			return nil, fmt.Errorf("relay.remote: %w", err)
		}
		return signer.NewMessage(key, options...)
	}
	key, err := remote.New(r.Remote.URL, pinned, with...)
	if err != nil {
		return nil, fmt.Errorf("relay.remote: %w", err)
	}
	return signer.NewAction(key, options...)
}

// openJournal opens the journal, and makes it the first time.
func openJournal(path string) (*filejournal.Journal, error) {
	j, err := filejournal.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		j, err = filejournal.Create(path)
	}
	switch {
	case errors.Is(err, filejournal.ErrLocked):
		return nil, fmt.Errorf("relay.journal %s is in use: stop the other process, or give this one another store", path)
	case errors.Is(err, filejournal.ErrVersion):
		return nil, fmt.Errorf("relay.journal %s: %w: use that program, never an empty journal", path, err)
	case err != nil:
		return nil, fmt.Errorf("relay.journal %s: %w", path, err)
	}
	return j, nil
}

// readSecret reads a file with one secret. It does not quote it.
func readSecret(key, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4097))
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" || len(b) > 4096 {
		return "", fmt.Errorf("%s %s holds %d bytes: want one line with the secret", key, path, len(b))
	}
	return text, nil
}

// A countedSigner counts what the signer did not give.
type countedSigner struct {
	signer.Signer
	metrics *metrics
}

// Attest implements signer.Signer.
func (s *countedSigner) Attest(ctx context.Context, r signer.Request) (attestation.Signed, error) {
	signed, err := s.Signer.Attest(ctx, r)
	if err != nil && ctx.Err() == nil {
		s.metrics.signerErrors.Inc()
	}
	return signed, err
}

// A countedBatchSigner is the same for a signer of batches.
type countedBatchSigner struct {
	countedSigner
	batches signer.BatchSigner
}

// AttestBatch implements signer.BatchSigner.
func (s *countedBatchSigner) AttestBatch(ctx context.Context, r signer.BatchRequest) (signer.SignedBatch, error) {
	signed, err := s.batches.AttestBatch(ctx, r)
	if err != nil && ctx.Err() == nil {
		s.metrics.signerErrors.Inc()
	}
	return signed, err
}

func counted(s signer.Signer, m *metrics) signer.Signer {
	one := countedSigner{s, m}
	if batches, ok := s.(signer.BatchSigner); ok {
		return &countedBatchSigner{one, batches}
	}
	return &one
}
