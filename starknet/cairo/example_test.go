package cairo_test

import (
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/signer"
	"github.com/slastream/slastream-go/slastream"
	"github.com/slastream/slastream-go/starknet/cairo"
)

// Where an escrow will be is known before it is deployed, and who deploys it does
// not matter: the address commits to the class, the key, the token and the owner.
func ExampleParams_Address() {
	key, err := signer.NewLocal([32]byte{31: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	p := cairo.Params{Class: cairo.Extended, Key: key.PublicKey(), Token: slastream.Address{31: 5}, Owner: slastream.Address{31: 7}}
	here, err := p.Address()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(here)
	p.Salt = attestation.WordFromUint64(1)
	another, err := p.Address()
	fmt.Println(another != here, err)
	// Output:
	// 0x040d7976326ab6ea5574b200af1a3c2e0cf0b16af59f2bd3116e33c48ac99e6b
	// true <nil>
}

// The class hash names the code on every network. Compare it with what a node
// says of the contract that you are told to use.
func ExampleClass_Hash() {
	for _, c := range []cairo.Class{cairo.Compatible, cairo.Extended} {
		fmt.Println(c, c.Hash())
	}
	// Output:
	// compatible 0x01bcc4b153a34132f580eacf24e72e811a62a68f43f52ce20f9b51482b46e95c
	// extended 0x010b40478a6ccdba9f0ea4d3f441c60c764daeee3396d82154a1b517a84e9cd6
}
