package relaytest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/slastream/slastream-go/attestation"
	filecoin "github.com/slastream/slastream-go/fevm/simulated"
	"github.com/slastream/slastream-go/slastream/relay/relaytest"
	"github.com/slastream/slastream-go/starknet/simulated"
)

// These tests are named after the defects of the reference implementation's relay.
// docs/relay-defects.md has all of them, with those that other packages test.

const month = 30 * 24 * time.Hour

// turn takes a turn that must succeed.
func turn(t *testing.T, s *relaytest.Scenario) {
	t.Helper()
	dead, err := s.Turn()
	require.NoError(t, err)
	require.False(t, dead)
}

// begin opens deals of five chunks and starts a relay.
func begin(s *relaytest.Scenario, n int) (deals []attestation.Word) {
	for range n {
		deals = append(deals, s.Deal(5, month))
	}
	s.Finalize()
	s.Restart()
	return deals
}

// requireReleased asks the escrow how many chunks of each deal are paid.
func requireReleased(t *testing.T, s *relaytest.Scenario, want uint64, deals ...attestation.Word) {
	t.Helper()
	for _, deal := range deals {
		require.Equal(t, want, s.State(deal).Released)
	}
}

func TestD01ARestartPaysNoProofAgain(t *testing.T) {
	for _, mode := range []relaytest.Mode{relaytest.Single, relaytest.Multicall} {
		relaytest.Play(t, relaytest.Campaign{Mode: mode}, func(t *testing.T, s *relaytest.Scenario) {
			deal := begin(s, 1)[0]
			for range 2 {
				s.Prove(deal)
			}
			s.Finalize()
			for restart := range 6 {
				turn(t, s)
				s.Pass(time.Minute)
				require.EqualValues(t, 2, s.State(deal).Released)
				if restart%2 == 1 {
					s.Lose()
				}
				s.Restart()
			}
			require.Zero(t, s.Rest())
			require.EqualValues(t, 2, s.State(deal).Released)
		})
	}
}

func TestD02ALostTransactionIsNoHole(t *testing.T) {
	relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
		deal := begin(s, 1)[0]
		endpoint := s.Starknet()
		s.Prove(deal)
		s.Finalize()
		endpoint.Set(simulated.Faults{Drop: 1})
		turn(t, s)
		require.NotZero(t, endpoint.Happened()["Drop"])
		require.Zero(t, s.State(deal).Released)
		endpoint.Set(simulated.Faults{})
		s.Prove(deal)
		s.Finalize()
		s.Pass(10 * time.Minute)
		turn(t, s)
		require.EqualValues(t, 2, s.State(deal).Released)

		s.Drop(2) // and what a reorganization drops is sent again
		require.Zero(t, s.State(deal).Released)
		require.Zero(t, s.Rest())
		require.EqualValues(t, 2, s.State(deal).Released)
	})
}

func TestD03ASlashedDealStopsNoOther(t *testing.T) {
	relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
		bad := s.Deal(5, time.Hour)
		good := s.Deal(5, month)
		s.Finalize()
		s.Restart()
		s.Prove(bad, good)
		s.Finalize()
		turn(t, s)
		s.Pass(time.Hour)
		s.Slash(bad)
		for range 4 {
			s.Prove(bad, good)
		}
		s.Finalize()
		require.Zero(t, s.Rest())
		require.True(t, s.State(good).Completed())
		require.EqualValues(t, 1, s.State(bad).Released)
	})
}

func TestD04AProofPaysTheDealOfItsDataSet(t *testing.T) {
	relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
		deals := begin(s, 3)
		s.Prove(deals[1])
		s.Prove(deals[1], deals[2])
		s.Finalize()
		require.Zero(t, s.Rest())
		for i, want := range []uint64{0, 2, 1} {
			require.Equal(t, want, s.State(deals[i]).Released)
		}
	})
}

func TestD06ACrashWhileProofsAreStoredLosesNone(t *testing.T) {
	for _, after := range []bool{false, true} {
		relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
			deals := begin(s, 2)
			turn(t, s)
			s.Prove(deals...)
			s.Finalize()
			s.RestartToDie("Store.Observe", after)
			dead, _ := s.Turn()
			require.True(t, dead)
			require.Zero(t, s.Rest())
			requireReleased(t, s, 1, deals...)
		})
	}
}

func TestD07AnOrphanedProofIsNotPaid(t *testing.T) {
	relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
		deal := begin(s, 1)[0]
		s.Prove(deal)
		turn(t, s) // it is not final
		require.Zero(t, s.State(deal).Released)
		_, err := s.Filecoin().Reorg(1)
		require.NoError(t, err)
		s.ProveAgain(deal) // the same period, in another tipset
		s.ProveAgain(deal)
		s.Finalize()
		require.Zero(t, s.Rest())
		require.EqualValues(t, 1, s.State(deal).Released)
	})
}

// The judge compares the attested root with that of the first challenged piece,
// and half of the data sets have two pieces.
func TestD08TheRootIsThatOfAPieceOfTheDeal(t *testing.T) {
	relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
		deals := begin(s, 8)
		for range 5 {
			s.Prove(deals...)
		}
		s.Finalize()
		require.Zero(t, s.Rest())
		for _, deal := range deals {
			require.True(t, s.State(deal).Completed())
		}
	})
}

func TestD10AnAnswerThatIsLostMakesNoSecondTransaction(t *testing.T) {
	for _, faults := range []simulated.Faults{{Lost: 0.5}, {Truncate: 0.5}, {Reorder: 1}, {Lost: 0.3, Reorder: 0.5, Drop: 0.2}} {
		relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
			deals := begin(s, 4)
			s.Prove(deals...)
			s.Finalize()
			endpoint := s.Starknet()
			for range 8 {
				faults.Seed++
				endpoint.Set(faults)
				s.Turn() //nolint:errcheck // it is to fail
				s.Pass(time.Minute)
			}
			require.Zero(t, s.Rest())
			requireReleased(t, s, 1, deals...)
		})
	}
}

func TestD13WhoCannotAskPaysNothing(t *testing.T) {
	relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
		deals := begin(s, 3)
		s.Prove(deals...)
		s.Finalize()
		turn(t, s)
		s.Lose()
		for _, node := range s.Endpoints() {
			node.Set(filecoin.Faults{Unavailable: 1})
		}
		endpoint := s.Starknet()
		for _, faults := range []simulated.Faults{{ServerError: 1}, {}} {
			endpoint.Set(faults)
			s.Restart()
			_, err := s.Turn()
			require.Error(t, err)
		}
		require.Zero(t, s.Rest())
		requireReleased(t, s, 1, deals...)
	})
}

func TestD15WhoWasAwayForDaysCatchesUp(t *testing.T) {
	relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
		deal := begin(s, 1)[0]
		turn(t, s)
		for range 3 {
			s.Prove(deal)
			_, err := s.Filecoin().Mine(4000) // more than one eth_getLogs takes
			require.NoError(t, err)
		}
		turn(t, s)
		require.EqualValues(t, 3, s.State(deal).Released)
		require.Zero(t, s.Rest())
	})
}

func TestD16ANodeThatEndsIsReplaced(t *testing.T) {
	relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
		deal := begin(s, 1)[0]
		turn(t, s)
		for i, node := range s.Endpoints() {
			s.Prove(deal)
			s.Finalize()
			node.Set(filecoin.Faults{Unavailable: 1})
			turn(t, s)
			require.EqualValues(t, i+1, s.State(deal).Released)
			node.Set(filecoin.Faults{DropLogs: 1, Lie: 0.5})
			s.Pass(2 * time.Minute)
			s.Prove(deal)
			s.Turn() //nolint:errcheck // a node that lies costs time
			node.Set(filecoin.Faults{})
			require.LessOrEqual(t, s.State(deal).Released, uint64(i+1))
			s.Pass(2 * time.Minute)
			_, err := s.Filecoin().Reorg(1) // the last proof is gone
			require.NoError(t, err)
		}
		require.Zero(t, s.Rest())
	})
}

func TestD17ALaterTrySignsTheSame(t *testing.T) {
	for _, call := range []string{"Store.Commit", "starknet starknet_estimateFee", "starknet starknet_addInvokeTransaction"} {
		relaytest.Play(t, relaytest.Campaign{Unguarded: true}, func(t *testing.T, s *relaytest.Scenario) {
			deal := begin(s, 1)[0]
			turn(t, s)
			s.Prove(deal)
			s.Finalize()
			s.RestartToDie(call, false)
			dead, _ := s.Turn()
			require.True(t, dead)
			s.Pass(time.Hour)
			s.Lose()
			require.Zero(t, s.Rest()) // it fails if two attestations are signed for a chunk
			require.EqualValues(t, 1, s.State(deal).Released)
		})
	}
}

func TestD22ABacklogIsOneTransaction(t *testing.T) {
	for _, mode := range []relaytest.Mode{relaytest.Batch, relaytest.Multicall} {
		relaytest.Play(t, relaytest.Campaign{Mode: mode}, func(t *testing.T, s *relaytest.Scenario) {
			deals := begin(s, 8)
			turn(t, s)
			s.Prove(deals...)
			s.Finalize()
			before := s.Height()
			turn(t, s)
			require.Equal(t, before+1, s.Height())
			require.Zero(t, s.Rest())
			requireReleased(t, s, 1, deals...)
		})
	}
}

func TestD23ADealHasNoMoreChunksThanTheEscrowSays(t *testing.T) {
	relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
		deal := begin(s, 1)[0]
		for range 8 {
			s.Prove(deal)
		}
		s.Finalize()
		require.Zero(t, s.Rest())
		require.True(t, s.State(deal).Completed())
	})
}

func TestD25WhatIsInterruptedGoesOn(t *testing.T) {
	for _, after := range []bool{false, true} {
		relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
			deals := begin(s, 2)
			turn(t, s)
			s.Prove(deals...)
			s.Finalize()
			s.RestartToDie("starknet starknet_addInvokeTransaction", after)
			dead, _ := s.Turn()
			require.True(t, dead)
			s.Restart()
			turn(t, s)
			require.Zero(t, s.Rest())
			requireReleased(t, s, 1, deals...)
		})
	}
}

// TestWhoReturnsAsksFirst: a transaction that was stored and not sent would revert
// now. It is not sent.
func TestWhoReturnsAsksFirst(t *testing.T) {
	relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
		deals := begin(s, 2)
		turn(t, s)
		s.Prove(deals...)
		s.Finalize()
		s.RestartToDie("starknet starknet_addInvokeTransaction", false)
		dead, _ := s.Turn()
		require.True(t, dead)
		s.Rival(deals[0], 0)
		require.Zero(t, s.Rest())
		requireReleased(t, s, 1, deals...)
	})
}

// TestADataSetIsFreeAfterASlash: the next deal of a data set begins while a chunk
// of the slashed one still holds a period that both could claim.
func TestADataSetIsFreeAfterASlash(t *testing.T) {
	relaytest.Play(t, relaytest.Campaign{}, func(t *testing.T, s *relaytest.Scenario) {
		old := s.Deal(5, time.Hour)
		s.Finalize()
		s.Restart()
		turn(t, s)
		s.Pass(time.Hour)
		s.Slash(old)
		next := s.Again(old, 5, month)
		s.Prove(next)
		s.Finalize()
		turn(t, s) // the relay knows neither that the deal is over nor of the next one
		s.Restart()
		require.Zero(t, s.Rest())
		require.EqualValues(t, 1, s.State(next).Released)
	})
}
