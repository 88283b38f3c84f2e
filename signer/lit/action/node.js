// Nodes. An answer counts when as many nodes as the configuration says give the
// same one; that is always more than half of them.

let fetches = 0;
const chains = new Map(); // what each node says its chain is

async function call(url, method, args) {
  if (++fetches > MAX_FETCHES) {
    refuse("budget", "more than " + MAX_FETCHES + " requests");
  }
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: method, params: args }),
  });
  const answer = JSON.parse(await response.text());
  if (answer === null || typeof answer !== "object" || answer.jsonrpc !== "2.0" || answer.id !== 1) {
    throw new Error("no JSON-RPC answer");
  }
  return answer;
}

async function ask(url, method, args) {
  const answer = await call(url, method, args);
  if (answer.error) {
    throw new Error(method + ": " + String(answer.error.message).slice(0, 120));
  }
  if (answer.result === undefined) {
    throw new Error(method + ": no result");
  }
  return answer.result;
}

async function onChain(url, net) {
  if (!chains.has(url)) {
    chains.set(url, ask(url, net.chainMethod, []));
  }
  if (BigInt(await chains.get(url)) !== BigInt(net.chainId)) {
    throw new Error("another chain");
  }
}

// agree asks as many nodes as must agree, and another one for each that fails or
// differs. A node that failed is asked last from then on.
function agree(net, what, question) {
  return new Promise((resolve, reject) => {
    const order = net.rpc.slice();
    const votes = new Map();
    const failures = [];
    let asked = 0;
    let open = 0;
    const start = () => {
      const url = order[asked++];
      open++;
      onChain(url, net).then(() => question(url)).then((answer) => {
        const key = JSON.stringify(answer);
        const n = (votes.get(key) || 0) + 1;
        votes.set(key, n);
        if (n >= net.need) {
          resolve(JSON.parse(key));
          return true;
        }
        return false;
      }).catch((e) => {
        if (fetches > MAX_FETCHES) {
          reject(e);
        }
        failures.push(String(e && e.message).slice(0, 160));
        net.rpc = net.rpc.filter((other) => other !== url).concat(url);
        return false;
      }).then((done) => {
        open--;
        if (done) {
          return;
        }
        if (Math.max(0, ...votes.values()) + open >= net.need) {
          return; // those still under way can settle it
        }
        if (asked < order.length) {
          start();
        } else if (open === 0) {
          reject(new Error("slastream[rpc]: " + what + ": no " + net.need + " of " + order.length + " nodes agree" +
            (failures.length ? " (" + failures.join("; ") + ")" : "")));
        }
      });
    };
    for (let i = 0; i < net.need; i++) {
      start();
    }
  });
}

let nets; // the nodes of both chains, in the order they are asked

const fevm = (what, question) => agree(nets.fevm, what, question);
const starknet = (what, question) => agree(nets.starknet, what, question);

// arrange sets the order. The caller may say with whom to begin, to get around a
// node that hangs: who has to agree stays the same.
function arrange(net, method, first) {
  const at = Number(first % BigInt(net.rpc.length));
  return { rpc: net.rpc.slice(at).concat(net.rpc.slice(0, at)), need: net.need, chainMethod: method, chainId: net.chainId };
}

function quantity(value) {
  if (typeof value !== "string" || !/^0x(0|[1-9a-f][0-9a-f]{0,15})$/.test(value)) {
    throw new Error("no quantity");
  }
  return BigInt(value);
}

function bytes(value, name) {
  if (typeof value !== "string" || !/^0x([0-9a-fA-F]{2})*$/.test(value)) {
    throw new Error(name + ": no hexadecimal bytes");
  }
  return value.toLowerCase();
}

function hash(value, name) {
  const b = bytes(value, name);
  if (b.length !== 66) {
    throw new Error(name + ": no hash");
  }
  return b;
}
