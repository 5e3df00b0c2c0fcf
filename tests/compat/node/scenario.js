// What a program does that uses the npm package `consul`: some seventy calls, and what came of each on a line of its own.

"use strict";

const { on } = require("node:events");

const Consul = require("consul");

const [host, port] = process.env.CONSUL_HTTP_ADDR.split(":");
const consul = new Consul({ host, port });

// Shows a call and what came of it, or why nothing did.
async function show(call, run) {
  let outcome;
  try {
    outcome = await run();
  } catch (error) {
    outcome = `${error.statusCode ?? error.name}: ${error.message}`;
  }
  console.log(`${call}: ${outcome === undefined ? "-" : JSON.stringify(outcome)}`);
  return outcome;
}

// The answers of a watch; none is lost that comes while nobody asks for it.
function answers(watch) {
  const changes = on(watch, "change");
  return async () => (await changes.next()).value[0];
}

async function services() {
  const { agent, catalog, health } = consul;
  await show("agent.self", async () => (await agent.self()).Config.NodeName);
  await show("agent.members", async () => (await agent.members()).map((member) => member.Name));
  await show("agent.service.register", () =>
    agent.service.register({
      name: "shop",
      id: "shop-1",
      tags: ["v1", "main"],
      address: "10.0.0.21",
      port: 8080,
      meta: { version: "4" },
      checks: [{ name: "alive", ttl: "1h" }],
    }),
  );
  await show("agent.service.list", async () => Object.keys(await agent.service.list()).sort());
  const checks = await show("agent.check.list", async () =>
    Object.keys(await agent.check.list()).filter((id) => id.includes("shop")),
  );
  const passing = async () => (await health.service({ service: "shop", passing: true })).length;
  for (const word of ["pass", "warn", "fail"]) {
    await show(`agent.check.${word}`, () => agent.check[word]({ id: checks[0], note: `says ${word}` }));
    await show("health.service", passing);
  }
  await show("health.checks", async () =>
    (await health.checks("shop")).map((check) => [check.CheckID, check.Status, check.Output]),
  );
  await show("health.state", async () => (await health.state("critical")).map((check) => check.ServiceID));
  await show("agent.check.pass", () => agent.check.pass(checks[0]));
  await show("agent.service.maintenance", () => agent.service.maintenance({ id: "shop-1", enable: true, reason: "paint" }));
  await show("health.service", passing);
  await show("agent.service.maintenance", () => agent.service.maintenance({ id: "shop-1", enable: false }));
  await show("health.service", passing);
  await show("agent.maintenance", () => agent.maintenance({ enable: true, reason: "paint" }));
  await show("health.service", passing);
  await show("agent.maintenance", () => agent.maintenance(false));
  await show("agent.check.register", () => agent.check.register({ name: "disk", ttl: "1h" }));
  await show("health.node", async () => (await health.node("n1")).map((check) => check.CheckID).sort());
  await show("agent.check.deregister", () => agent.check.deregister("disk"));
  await show("catalog.node.list", async () => (await catalog.node.list()).map((node) => node.Node));
  await show("catalog.datacenters", () => catalog.datacenters());
  await show("catalog.services", async () => (await catalog.services()).shop);
  await show("catalog.service.nodes", async () =>
    (await catalog.service.nodes({ service: "shop", tag: "main" })).map((node) => `${node.ServiceAddress}:${node.ServicePort}`),
  );
  await show("catalog.node.services", async () => Object.keys((await catalog.node.services("n1")).Services).sort());
}

async function keys() {
  const { kv, transaction } = consul;
  await show("kv.get", () => kv.get("app/none"));
  await show("kv.set", () => kv.set("app/a", "one"));
  const pair = await consul.kv.get("app/a");
  await show("kv.get", () => [pair.Key, pair.Value, pair.Flags, pair.LockIndex]);
  await show("kv.set cas", () => kv.set({ key: "app/a", value: "two", cas: pair.ModifyIndex }));
  await show("kv.set cas", () => kv.set({ key: "app/a", value: "three", cas: pair.ModifyIndex }));
  await show("kv.set flags", () => kv.set({ key: "app/b/c", value: "Grüße, 世界", flags: 42 }));
  await show("kv.get recurse", async () =>
    (await kv.get({ key: "app/", recurse: true })).map(({ Key, Value, Flags }) => [Key, Value, Flags]),
  );
  await show("kv.keys", () => kv.keys({ key: "app/", separator: "/" }));
  const get = (Key) => ({ KV: { Verb: "get", Key } });
  const set = (Key, text) => ({ KV: { Verb: "set", Key, Value: Buffer.from(text).toString("base64") } });
  await show("transaction.create", async () =>
    (await transaction.create([set("app/t", "in a transaction"), get("app/t")])).Results.map(({ KV }) => [KV.Key, KV.Value]),
  );
  await show("transaction.create", () => transaction.create([set("app/t", "not kept"), get("app/none")]));
  await show("kv.get", async () => (await kv.get("app/t")).Value);
  await show("kv.del", () => kv.del("app/t"));
  await show("kv.del recurse", () => kv.del({ key: "app/", recurse: true }));
  await show("kv.keys", () => kv.keys("app/"));
}

// One client holds a lock, and another one waits for it: until it is given up, and until its holder's session is over.
async function locks() {
  const other = new Consul({ host, port });
  const open = async (client, settings) => (await client.session.create({ lockdelay: "0s", ...settings })).ID;
  const lasting = await open(consul, { name: "holder", ttl: "1h" });
  await show("session.get", async () => (await consul.session.get(lasting)).Name);
  await show("session.renew", async () => (await consul.session.renew(lasting))[0].TTL);
  await show("session.node", async () => (await consul.session.node("n1")).length);
  const waiter = await open(other, { name: "waiter" });
  const ends = [
    ["kv.set release", () => consul.kv.set({ key: "lock", value: "", release: lasting })],
    ["session.destroy", () => consul.session.destroy(lasting)],
    ["the TTL passes", async () => "nobody renews it"],
  ];
  for (const [name, end] of ends) {
    const session = name === "the TTL passes" ? await open(consul, { name: "brief", ttl: "5s" }) : lasting;
    await show("kv.set acquire", () => consul.kv.set({ key: "lock", value: "mine", acquire: session }));
    await show("kv.set acquire, the other", () => other.kv.set({ key: "lock", value: "no, mine", acquire: waiter }));
    const watch = other.watch({ method: other.kv.get, options: { key: "lock", wait: "5m" } });
    const next = answers(watch);
    await next();
    await show(name, end);
    while ((await next()).Session !== undefined);
    watch.end();
    await show("kv.set acquire, the other", () => other.kv.set({ key: "lock", value: "now mine", acquire: waiter }));
    await show("kv.set release, the other", () => other.kv.set({ key: "lock", value: "", release: waiter }));
  }
  await show("session.destroy", () => other.session.destroy(waiter));
  await show("session.list", async () => (await consul.session.list()).length);
}

async function rest() {
  const { event, query, status } = consul;
  await show("event.fire", async () => (await event.fire({ name: "deploy", payload: "42" })).Name);
  await show("event.list", async () => (await event.list("deploy")).map((fired) => fired.Payload));
  const created = await query.create({ name: "shops", service: { service: "shop", onlypassing: true }, dns: { ttl: "7s" } });
  await show("query.list", async () => (await query.list()).map((stored) => stored.Name));
  await show("query.execute", async () => {
    const { Service, DNS, Nodes } = await query.execute("shops");
    return [Service, DNS.TTL, Nodes.map((node) => node.Service.ID)];
  });
  await show("query.get", async () => (await query.get(created.ID)).Service.Service);
  await show("query.destroy", async () => query.destroy(created.ID));
  await show("query.execute", () => query.execute("shops"));
  await show("status.leader", async () => typeof (await status.leader()));
  await show("status.peers", async () => (await status.peers()).length);
  const watch = consul.watch({ method: consul.health.service, options: { service: "shop", passing: true, wait: "5m" } });
  const next = answers(watch);
  await show("watch health.service", async () => (await next()).length);
  await show("agent.service.deregister", () => consul.agent.service.deregister("shop-1"));
  await show("watch health.service", async () => (await next()).length);
  watch.end();
}

(async () => {
  await services();
  await keys();
  await locks();
  await rest();
})();
