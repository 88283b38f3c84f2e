package vectors_test

import (
	"errors"
	"fmt"

	"github.com/slastream/slastream-go/attestation"
	"github.com/slastream/slastream-go/attestation/vectors"
)

// Hold a verifier against every signature that the vectors know; here it is that
// of package attestation.
func ExampleLoad() {
	all, err := vectors.Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	asked, wrong := 0, 0
	for _, v := range all {
		if v.Kind != vectors.Release {
			continue
		}
		asked++
		verdict := vectors.Accept
		if err := v.Signed().Verify(attestation.RulesLowS, *v.Key); err != nil {
			verdict = err.Error()
			if e, ok := errors.AsType[*attestation.VerifyError](err); ok {
				verdict = e.Reason
			}
		}
		if verdict != v.Expect.LowS.Verdict {
			wrong++
		}
	}
	fmt.Println("enough:", asked > 50, "wrong:", wrong)
	// Output:
	// enough: true wrong: 0
}
