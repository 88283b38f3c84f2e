package main

import (
	"github.com/NethermindEth/juno/core/felt"

	"github.com/slastream/slastream-go/starknet"
)

func felts(texts []string) ([]*felt.Felt, error) {
	out := make([]*felt.Felt, len(texts))
	for i, text := range texts {
		f, err := starknet.ParseFelt(text)
		if err != nil {
			return nil, err
		}
		out[i] = f
	}
	return out, nil
}
