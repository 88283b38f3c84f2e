//go:build cgo

package pkcs11

import (
	"bytes"
	"fmt"

	"github.com/miekg/pkcs11"

	"github.com/slastream/slastream-go/attestation"
)

// secp256k1 is CKA_EC_PARAMS of the curve: the DER of OID 1.3.132.0.10.
var secp256k1 = []byte{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a}

// find returns up to two objects of a class with the name of the config.
func (m *module) find(session pkcs11.SessionHandle, class uint, c Config) ([]pkcs11.ObjectHandle, error) {
	template := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, class),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
	}
	if c.Label != "" {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_LABEL, c.Label))
	}
	if len(c.ID) > 0 {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_ID, c.ID))
	}
	if err := m.FindObjectsInit(session, template); err != nil {
		return nil, failed("C_FindObjectsInit", err)
	}
	var found []pkcs11.ObjectHandle
	for len(found) < 2 { // a module may answer fewer than asked for
		more, _, err := m.FindObjects(session, 2-len(found))
		if err != nil {
			_ = m.FindObjectsFinal(session)
			return nil, failed("C_FindObjects", err)
		}
		if len(more) == 0 {
			break
		}
		found = append(found, more...)
	}
	return found, failed("C_FindObjectsFinal", m.FindObjectsFinal(session))
}

// keyPair finds the one private key of the config and its public point.
func (m *module) keyPair(session pkcs11.SessionHandle, c Config) (pkcs11.ObjectHandle, attestation.PublicKey, error) {
	var none attestation.PublicKey
	private, err := m.find(session, pkcs11.CKO_PRIVATE_KEY, c)
	if err != nil {
		return 0, none, err
	}
	switch len(private) {
	case 0:
		return 0, none, fmt.Errorf("%w: private %s", ErrNotFound, c.key())
	case 2:
		return 0, none, fmt.Errorf("%w: private %s", ErrAmbiguous, c.key())
	}
	if err := m.onCurve(session, private[0]); err != nil {
		return 0, none, err
	}
	public, err := m.find(session, pkcs11.CKO_PUBLIC_KEY, c)
	if err != nil {
		return 0, none, err
	}
	switch {
	case len(public) == 2:
		return 0, none, fmt.Errorf("%w: public %s", ErrAmbiguous, c.key())
	case len(public) == 0 && c.Public == none:
		return 0, none, fmt.Errorf("%w: public %s: set Config.Public", ErrNotFound, c.key())
	case len(public) == 0:
		return private[0], c.Public, nil
	}
	point, err := m.point(session, public[0])
	if err != nil {
		return 0, none, err
	}
	if c.Public != none && c.Public != point {
		return 0, none, fmt.Errorf("pkcs11: %s is %v, want %v", c.key(), point, c.Public)
	}
	return private[0], point, nil
}

// onCurve requires that an object is on secp256k1, by name.
func (m *module) onCurve(session pkcs11.SessionHandle, object pkcs11.ObjectHandle) error {
	params, err := m.attribute(session, object, pkcs11.CKA_EC_PARAMS)
	if err != nil {
		return err
	}
	if !bytes.Equal(params, secp256k1) {
		return fmt.Errorf("pkcs11: key on another curve than secp256k1: CKA_EC_PARAMS is %.32x", params)
	}
	return nil
}

// point reads CKA_EC_POINT: the point in an OCTET STRING, as the standard has
// it, or bare, as some vendors have it.
func (m *module) point(session pkcs11.SessionHandle, object pkcs11.ObjectHandle) (attestation.PublicKey, error) {
	if err := m.onCurve(session, object); err != nil {
		return attestation.PublicKey{}, err
	}
	b, err := m.attribute(session, object, pkcs11.CKA_EC_POINT)
	if err != nil {
		return attestation.PublicKey{}, err
	}
	if n := len(b); (n == 67 || n == 35) && b[0] == 0x04 && int(b[1]) == n-2 {
		b = b[2:]
	}
	public, err := attestation.ParsePublicKey(b)
	if err != nil {
		return attestation.PublicKey{}, fmt.Errorf("pkcs11: CKA_EC_POINT: %w", err)
	}
	return public, nil
}

func (m *module) attribute(session pkcs11.SessionHandle, object pkcs11.ObjectHandle, attribute uint) ([]byte, error) {
	got, err := m.GetAttributeValue(session, object, []*pkcs11.Attribute{pkcs11.NewAttribute(attribute, nil)})
	if err != nil {
		return nil, failed("C_GetAttributeValue", err)
	}
	if len(got) != 1 {
		return nil, fmt.Errorf("pkcs11: C_GetAttributeValue gave %d attributes, want 1", len(got))
	}
	return got[0].Value, nil
}

// generate makes the key pair of a config in the token.
func (m *module) generate(session pkcs11.SessionHandle, c Config) (attestation.PublicKey, error) {
	for _, class := range []uint{pkcs11.CKO_PRIVATE_KEY, pkcs11.CKO_PUBLIC_KEY} {
		found, err := m.find(session, class, c)
		if err != nil {
			return attestation.PublicKey{}, err
		}
		if len(found) > 0 {
			return attestation.PublicKey{}, fmt.Errorf("%w: %s", ErrExists, c.key())
		}
	}
	name := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_LABEL, c.Label)}
	if len(c.ID) > 0 {
		name = append(name, pkcs11.NewAttribute(pkcs11.CKA_ID, c.ID))
	}
	public, _, err := m.GenerateKeyPair(session,
		[]*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)},
		append([]*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, secp256k1),
			pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true),
		}, name...),
		append([]*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
			pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
			pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
			pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
		}, name...))
	if err != nil {
		return attestation.PublicKey{}, failed("C_GenerateKeyPair", err)
	}
	return m.point(session, public)
}
