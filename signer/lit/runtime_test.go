package lit_test

import (
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dop251/goja"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

// A fetcher answers an action's HTTP requests: status and body, or an error for
// none.
type fetcher func(url string, body []byte) (status int, answer []byte, err error)

// A runtime runs actions as Lit's does: the text, then the call of main with the
// parameters, in one scope. Cryptography is go-ethereum's.
type runtime struct {
	fetch fetcher
	// key derives the key of an action from its CID.
	key func(cid string) *ecdsa.PrivateKey
	// signed sees every digest that is signed.
	signed func(digest []byte)
	// signBy signs in place of the action's key, to see whether it notices.
	signBy *ecdsa.PrivateKey
}

const mainEntry = "\nconst params = %s;\nconst data = await main(params);\nif (data !== undefined) { setResponse(data); }\n"

// run returns the JSON of what main returned, or the exception's text.
func (r *runtime) run(cid, code string, params json.RawMessage) (json.RawMessage, error) {
	vm := goja.New()
	vm.SetFieldNameMapper(goja.UncapFieldNameMapper())
	var response json.RawMessage
	set := func(name string, value any) {
		if err := vm.Set(name, value); err != nil {
			panic(err)
		}
	}
	stringify, _ := goja.AssertFunction(vm.Get("JSON").ToObject(vm).Get("stringify"))
	set("setResponse", func(v goja.Value) {
		text, err := stringify(goja.Undefined(), v)
		if err != nil {
			panic(err)
		}
		response = json.RawMessage(text.String())
	})
	resolved := func(v any) *goja.Promise {
		p, resolve, _ := vm.NewPromise()
		_ = resolve(v)
		return p
	}
	rejected := func(err error) *goja.Promise {
		p, _, reject := vm.NewPromise()
		_ = reject(vm.NewGoError(err))
		return p
	}
	fetches := 0
	set("fetch", func(url string, options struct{ Body string }) *goja.Promise {
		if fetches++; fetches > 50 {
			return rejected(errors.New("fetch limit of 50 reached"))
		}
		status, answer, err := r.fetch(url, []byte(options.Body))
		if err != nil {
			return rejected(err)
		}
		return resolved(map[string]any{
			"status": status, "ok": status == 200,
			"text": func() *goja.Promise { return resolved(string(answer)) },
		})
	})
	set("Lit", map[string]any{"Actions": map[string]any{
		"getLitActionPrivateKey": func() *goja.Promise {
			return resolved("0x" + hex.EncodeToString(crypto.FromECDSA(r.key(cid))))
		},
		"getLitActionPublicKey": func(p struct{ IpfsId string }) *goja.Promise { //nolint:revive // the field's name at Lit
			return resolved(hex.EncodeToString(crypto.CompressPubkey(&r.key(p.IpfsId).PublicKey)))
		},
	}})
	set("ethers", map[string]any{"utils": r.ethers(vm)})
	source := "(async () => {\n" + code + fmt.Sprintf(mainEntry, params) + "})()"
	v, err := vm.RunString(source)
	if err != nil {
		return nil, err
	}
	promise := v.Export().(*goja.Promise)
	switch promise.State() {
	case goja.PromiseStateRejected:
		return nil, errors.New("Uncaught " + promise.Result().String())
	case goja.PromiseStatePending:
		return nil, errors.New("execution timed out")
	}
	return response, nil
}

// ethers are the functions of ethers v5 that actions use.
func (r *runtime) ethers(vm *goja.Runtime) map[string]any {
	mustDecode := func(s string) []byte {
		b, err := hexutil.Decode(s)
		if err != nil {
			panic(vm.NewGoError(err))
		}
		return b
	}
	return map[string]any{
		"keccak256": func(s string) string { return hexutil.Encode(crypto.Keccak256(mustDecode(s))) },
		"recoverPublicKey": func(digest string, sig struct {
			R, S          string
			RecoveryParam byte
		},
		) string {
			raw := append(append(mustDecode(sig.R), mustDecode(sig.S)...), sig.RecoveryParam)
			key, err := crypto.Ecrecover(mustDecode(digest), raw)
			if err != nil {
				panic(vm.NewGoError(err))
			}
			return hexutil.Encode(key)
		},
		"SigningKey": func(call goja.ConstructorCall) *goja.Object {
			key, err := crypto.ToECDSA(mustDecode(call.Argument(0).String()))
			if err != nil {
				panic(vm.NewGoError(err))
			}
			_ = call.This.Set("publicKey", hexutil.Encode(crypto.FromECDSAPub(&key.PublicKey)))
			_ = call.This.Set("signDigest", func(digest string) map[string]any {
				d := mustDecode(digest)
				if r.signed != nil {
					r.signed(d)
				}
				by := key
				if r.signBy != nil {
					by = r.signBy
				}
				sig, err := crypto.Sign(d, by)
				if err != nil {
					panic(vm.NewGoError(err))
				}
				return map[string]any{
					"r": hexutil.Encode(sig[:32]), "s": hexutil.Encode(sig[32:64]),
					"recoveryParam": int64(sig[64]), "v": int64(sig[64]) + 27,
				}
			})
			return nil
		},
	}
}

func TestRuntimeRunsMain(t *testing.T) {
	r := &runtime{}
	got, err := r.run("Qm", "async function main(p) { return { sum: String(BigInt(p.a) + 1n) } }", json.RawMessage(`{"a":"41"}`))
	if err != nil || string(got) != `{"sum":"42"}` {
		t.Fatal(string(got), err)
	}
	_, err = r.run("Qm", `async function main() { throw new Error("no") }`, json.RawMessage(`null`))
	if err == nil || !strings.Contains(err.Error(), "Error: no") {
		t.Fatal(err)
	}
}
