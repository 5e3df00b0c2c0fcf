"""What a program does that uses Debian's python3-consul, and what came of each call on a line of its own."""

import json
import os
import threading

import consul

HOST, PORT = os.environ["CONSUL_HTTP_ADDR"].split(":")
AGENT = consul.Consul(HOST, int(PORT))


def show(call, run):
    """Shows a call and what came of it, or why nothing did."""
    try:
        outcome = run()
    except consul.ConsulException as fault:
        outcome = f"{type(fault).__name__}: {fault}"
    print(f"{call}: {json.dumps(outcome, default=bytes.decode)}")
    return outcome


def services():
    service, check = AGENT.agent.service, AGENT.agent.check
    show("agent.self", lambda: AGENT.agent.self()["Config"]["NodeName"])
    alive = consul.Check.ttl("1h")
    show("agent.service.register", lambda: service.register("shop", "shop-1", "10.0.0.21", 8080, ["v1"], alive))
    show("agent.services", lambda: sorted(AGENT.agent.services()))
    # By GET, as before Consul 1.0, which refuses it like lictor.
    show("agent.check.ttl_pass", lambda: check.ttl_pass("service:shop-1"))
    passing = lambda: [entry["Service"]["ID"] for entry in AGENT.health.service("web", passing=True)[1]]
    show("health.service", passing)
    show("health.checks", lambda: [each["Status"] for each in AGENT.health.checks("shop")[1]])
    show("agent.service.maintenance", lambda: service.maintenance("shop-1", "true", "paint"))
    show("health.state", lambda: sorted(each["CheckID"] for each in AGENT.health.state("critical")[1]))
    show("agent.service.maintenance", lambda: service.maintenance("shop-1", "false"))
    show("catalog.services", lambda: AGENT.catalog.services()[1])
    show("catalog.service", lambda: [each["ServicePort"] for each in AGENT.catalog.service("shop")[1]])
    show("catalog.nodes", lambda: [each["Node"] for each in AGENT.catalog.nodes()[1]])
    show("catalog.deregister", lambda: AGENT.catalog.deregister("n1", "shop-1"))


def keys():
    kv = AGENT.kv
    show("kv.get", lambda: kv.get("app/none")[1])
    show("kv.put", lambda: kv.put("app/a", "one", flags=7))
    index, pair = kv.get("app/a")
    show("kv.get", lambda: [pair["Value"], pair["Flags"]])
    show("kv.put cas", lambda: [kv.put("app/a", text, cas=pair["ModifyIndex"]) for text in ("two", "three")])
    show("kv.put", lambda: kv.put("app/b/c", "Grüße, 世界".encode()))
    show("kv.get recurse", lambda: [[each["Key"], each["Value"]] for each in kv.get("app/", recurse=True)[1]])
    show("kv.get keys", lambda: kv.get("app/", keys=True, separator="/")[1])
    index = kv.get("app/a")[0]
    threading.Timer(0.1, lambda: kv.put("app/a", "changed")).start()
    show("kv.get index", lambda: kv.get("app/a", index=index, wait="5m")[1]["Value"])
    show("kv.delete recurse", lambda: [kv.delete("app/", recurse=True), kv.get("app/", keys=True)[1]])


def rest():
    session, kv = AGENT.session, AGENT.kv
    held = session.create("holder", lock_delay=0, ttl=3600)
    show("session.info", lambda: session.info(held)[1]["Name"])
    show("session.renew", lambda: session.renew(held)["TTL"])
    show("kv.put acquire", lambda: [kv.put("lock", "mine", acquire=held), kv.get("lock")[1]["Session"] == held])
    show("session.destroy", lambda: session.destroy(held))
    show("kv.get", lambda: "Session" in kv.get("lock")[1])
    show("session.list", lambda: len(session.list()[1]))
    show("event.fire", lambda: AGENT.event.fire("deploy", "42")["Name"])
    show("event.list", lambda: [each["Payload"] for each in AGENT.event.list("deploy")[1]])
    stored = AGENT.query.create("web", "webs", onlypassing=True, ttl="7s")
    show("query.execute", lambda: len(AGENT.query.execute("webs")["Nodes"]))
    show("query.delete", lambda: AGENT.query.delete(stored["ID"]))
    show("status", lambda: [":" in AGENT.status.leader(), len(AGENT.status.peers())])


services()
keys()
rest()
