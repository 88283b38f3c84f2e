// Package rule has the usual policies of a signer.Guard: who and what may be
// paid, until when, how much and how fast.
//
//	caps := rule.NewCap(rule.Limits{Hour: ten, Deal: hundred}, value)
//	s = signer.Guard(s, journal,
//		rule.Domains(domain),
//		rule.Deals(dealID),
//		rule.Skew(10*time.Minute, 24*time.Hour),
//		stop.Policy(),
//		caps.Policy(),
//		rule.Rate(10, 20),
//	)
//
// Order them from what is certain to what counts: a request that one policy
// refuses is not counted by those behind it, unless they had let it pass before
// the guard itself refused. signer.Explain lists what each says.
//
// A refusal that time alone can change wraps signer.ErrUnavailable, so that
// signer.Retryable reports it; the others are final.
package rule
