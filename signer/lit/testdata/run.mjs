// Runs one action as Lit's runtime does, in a context that has only what Lit
// gives. Standard input: {"code","params","key","ethers"}; standard output:
// {"response"} or {"error"}.
import vm from "node:vm";
import { readFileSync } from "node:fs";

const input = JSON.parse(readFileSync(0, "utf8"));
const ethers = await import(input.ethers ?? "./ethers.mjs");
const out = {};
const context = vm.createContext({
  fetch: (url, options) => fetch(url, options),
  ethers: ethers.ethers ?? ethers,
  Lit: { Actions: { getLitActionPrivateKey: async () => input.key } },
  setResponse: (v) => { out.response = v; },
});
const entry = `\nconst params = ${JSON.stringify(input.params)};\nconst data = await main(params);\nif (data !== undefined) { setResponse(data); }\n`;
try {
  await vm.runInContext("(async () => {\n" + input.code + entry + "})()", context);
} catch (e) {
  out.error = "Uncaught " + e;
}
process.stdout.write(JSON.stringify(out));
