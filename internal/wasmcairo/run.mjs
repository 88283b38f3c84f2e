// Runs the Cairo compiler and test runner of the npm package wasm-cairo.
//
//	node --input-type=module --eval "$(cat run.mjs)" -- DIR < request.json > answer.json
//
// DIR is the package's own directory. The request is one JSON object:
//
//	{"job": "test", "source": "…Cairo…", "filter": "part of a test's path, or empty for all"}
//	{"job": "compile", "source": "…Cairo…"}
//
// The answer is {"output": "…"}, the package's own words, with "diagnostics"
// beside it when the source does not compile; or {"error": "…"}.
import { readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const dir = process.argv.at(-1);
// The answer is the only thing on standard output.
console.log = console.info = console.debug = console.error;

function answer(value) {
  let rest = Buffer.from(JSON.stringify(value));
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (e) {
      if (e.code !== "EAGAIN") throw e; // the pipe is full for a moment
    }
  }
}

const jobs = {
  test: (cairo, { source, filter }) =>
    cairo.runTests(source, true, filter, false, false, true, "", false, false),
  compile: (cairo, { source }) => cairo.compileStarknetContract(source, true, false),
};

// diagnose asks the plain compiler why a source does not compile, because the
// other two entry points only say that it does not. It knows no Starknet and
// no tests: what it says about their attributes is left out, but in a contract
// it stumbles over whatever the missing plugin would have generated.
function diagnose(cairo, source) {
  return cairo
    .compileCairoProgram(source, true)
    .split("\n\n")
    .filter((d) => !/Unsupported attribute|Unknown derive|^warning|Type not found|Ambiguous method call.*: (Storage|Felt252Dict)/m.test(d))
    .join("\n\n");
}

try {
  const request = JSON.parse(readFileSync(0, "utf8"));
  const cairo = await import(pathToFileURL(`${dir}/wasm-cairo.js`));
  cairo.initSync({ module: readFileSync(`${dir}/wasm-cairo_bg.wasm`) });
  const output = jobs[request.job](cairo, request);
  const failed = output.startsWith("Compilation failed") || output.startsWith("failed to compile");
  answer(failed ? { output, diagnostics: diagnose(cairo, request.source) } : { output });
} catch (e) {
  answer({ error: `${e?.message ?? e}` });
}
