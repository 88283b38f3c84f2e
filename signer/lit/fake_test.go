package lit_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/slastream/slastream-go/signer/lit"
)

const apiKey = "usage-key-5f2c9d71e0b84a3c"

// A service is Lit's REST service as its source has it (LIT-Protocol/chipotle,
// lit-api-server): it runs actions for real, in a runtime. Before a request is
// served, faults may answer it.
type service struct {
	runtime *runtime
	// allowed are the actions that the key may run besides the one for keys; nil
	// means all.
	allowed map[string]bool
	// asText makes the response a string of JSON.
	asText bool

	mu     sync.Mutex
	faults []http.HandlerFunc // one for each request, then none
	calls  int
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls++
	var fault http.HandlerFunc
	if len(s.faults) > 0 {
		fault, s.faults = s.faults[0], s.faults[1:]
	}
	s.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		refuse(w, http.StatusBadRequest, "bad request")
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	switch r.URL.Path {
	case "/core/v1/get_lit_action_ipfs_id":
		var code string
		if json.Unmarshal(body, &code) != nil {
			refuse(w, http.StatusBadRequest, "body is no string")
			return
		}
		cid, _ := lit.CID(code)
		answer(w, cid)
	case "/core/v1/lit_action":
		s.run(w, r, body)
	default:
		http.NotFound(w, r)
	}
}

func (s *service) run(w http.ResponseWriter, r *http.Request, body []byte) {
	if r.Header.Get("X-Api-Key") != apiKey {
		refuse(w, http.StatusUnauthorized, "invalid API key: "+r.Header.Get("X-Api-Key"))
		return
	}
	var in struct {
		Code   string          `json:"code"`
		Params json.RawMessage `json:"js_params"`
	}
	if json.Unmarshal(body, &in) != nil || in.Code == "" {
		refuse(w, http.StatusBadRequest, "no code")
		return
	}
	cid, err := lit.CID(in.Code)
	if err != nil || s.allowed != nil && !s.allowed[cid] {
		refuse(w, http.StatusForbidden, "API key is not authorized to execute the specified action (CID/hash)")
		return
	}
	response, err := s.runtime.run(cid, in.Code, in.Params)
	if err != nil {
		refuse(w, http.StatusInternalServerError, fmt.Sprintf("Actions failed with : %v\n    at main (file:///user_code:9:1)", err))
		return
	}
	out := any(response)
	if s.asText {
		out = string(response)
	}
	answer(w, map[string]any{"response": out, "logs": "", "has_error": false})
}

func (s *service) fail(faults ...http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.calls = faults, 0
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// refuse answers an error as the service does: a bare JSON string.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(message)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// refusal is a fault.
func refusal(status int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, message) }
}

// raw is a fault with a body that the service would not give.
func raw(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// hangUp closes the connection without an answer, perhaps after half of it.
func hangUp(half bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if half {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"response":`)
			w.(http.Flusher).Flush()
		}
		panic(http.ErrAbortHandler)
	}
}
