package simulated

import "github.com/slastream/slastream-go/slastream"

// accountEntries are the views of OpenZeppelin's account, and what its
// validations and __execute__ say when they are called like any other entry
// point.
var accountEntries = []entry{
	{"__validate__", costView, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		if _, cannotRead := decodeCalls(c.to, r.in, c.at); cannotRead != "" {
			return nil, &slastream.RevertError{Reason: cannotRead}
		}
		r.in = nil
		return validate(s, c, r)
	}},
	{"__execute__", costView, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		_, reason := decodeCalls(c.to, r.in, c.at)
		switch {
		case reason != "":
		case c.caller.IsZero():
			reason = "Account: invalid tx version"
		default:
			reason = "Account: invalid caller"
		}
		return nil, &slastream.RevertError{Reason: reason}
	}},
	{"__validate_declare__", costView, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		r.felt()
		return validate(s, c, r)
	}},
	{"__validate_deploy__", costView, func(s *state, c *call, r *reader) ([]hexFelt, error) {
		r.felt()
		r.felt()
		r.felt()
		return validate(s, c, r)
	}},
	{"set_public_key", costView, setPublicKey},
	{"setPublicKey", costView, setPublicKey},
	{"supports_interface", costView, func(_ *state, _ *call, r *reader) ([]hexFelt, error) {
		id := r.felt()
		if err := r.end(); err != nil {
			return nil, err
		}
		return []hexFelt{flag(id == interfaceSRC5 || id == interfaceSRC6 || id == interfaceSRC9)}, nil
	}},
	getter("get_public_key", publicKey),
	getter("getPublicKey", publicKey),
	{"is_valid_signature", costView, isValidSignature},
	{"isValidSignature", costView, isValidSignature},
}

// Interfaces that the account says it has: introspection, account and outside
// execution, whose entry points are not modelled.
var (
	interfaceSRC5 = mustFelt("0x3f918d17e5ee77373b56385708f855659a07f75997f365cf87748628532a055")
	interfaceSRC6 = mustFelt("0x2ceccef7f994940b3962a6c67e0ba4fcd37df7d131417c604f91e03caecc1cd")
	interfaceSRC9 = mustFelt("0x1d1144bb2138366ff28d8e9ab57456b1d332ac42196230c3a602003c89872")
)

// validate checks the signature of the transaction that makes the call. Outside
// of one there is none.
func validate(s *state, c *call, r *reader) ([]hexFelt, error) {
	if err := r.end(); err != nil {
		return nil, err
	}
	if s.tx == nil || !c.self.signed(s.tx.hash, s.tx.Signature) {
		return nil, &slastream.RevertError{Reason: "Account: invalid signature"}
	}
	return []hexFelt{text("VALID")}, nil
}

// setPublicKey refuses everybody. The account itself may change its key on a
// real node, with a signature of the new key; here keys stay, and it never has
// one that is good.
func setPublicKey(_ *state, c *call, r *reader) ([]hexFelt, error) {
	r.felt()
	r.felts()
	if err := r.end(); err != nil {
		return nil, err
	}
	if c.caller != c.to {
		return nil, &slastream.RevertError{Reason: "Account: unauthorized"}
	}
	return nil, &slastream.RevertError{Reason: "Account: invalid signature"}
}

func publicKey(_ *state, c *call) []hexFelt { return []hexFelt{c.self.key.public} }

func isValidSignature(_ *state, c *call, r *reader) ([]hexFelt, error) {
	hash, sig := r.felt(), r.felts()
	if err := r.end(); err != nil {
		return nil, err
	}
	if c.self.signed(hash, sig) {
		return []hexFelt{text("VALID")}, nil
	}
	return []hexFelt{{}}, nil
}

// signed reports whether sig is the account's signature of hash.
func (c *contract) signed(hash hexFelt, sig []hexFelt) bool {
	return len(sig) == 2 && c.key.verify(hash, sig[0], sig[1])
}

var selOwnerAdded = selector("OwnerAdded")

// constructAccount is the constructor of OpenZeppelin's account: one argument,
// the public key, which is not checked.
func constructAccount(s *state, c *call, r *reader) error {
	public := r.felt()
	if err := r.end(); err != nil {
		return err
	}
	c.self.key = newStarkKey(public)
	s.emit(c.self.address, []hexFelt{selOwnerAdded, public}, []hexFelt{})
	return nil
}
