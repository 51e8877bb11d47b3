"""What no tool knows of the files under deploy/: that they agree with each other, with the configuration of the
mesh, and with the metrics that the program has. Says every disagreement, and fails on any."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = TOP / "deploy"
ROLES = {"ingest", "consent", "crypto", "archive", "retention", "dsar", "audit"}
ONE_SHOTS = {"bucket", "certs", "migrate", "cli"}
wrong = []


def demand(holds, what):
    if not holds:
        wrong.append(what)


def read(path):
    """A file as what it says it is."""
    text = path.read_text()
    match path.suffix:
        case ".json":
            return json.loads(text)
        case ".toml":
            return tomllib.loads(text)
        case _:
            return yaml.safe_load(text)


def services(compose):
    for name, service in compose["services"].items():
        image = service["image"]
        tag = image.rpartition(":")[2] if ":" in image else ""
        demand(tag and "latest" not in tag, f"{name}: the image {image} has no fixed tag")
        asked = "healthcheck" in service or "verbale.health" in service.get("labels", {})
        demand(asked or name in ONE_SHOTS, f"{name}: nobody asks whether it is healthy, and no label says who does")
        for port in service.get("ports", []):
            demand(port.startswith("127.0.0.1:"), f"{name}: port {port} is published beyond the loopback")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            known = (TOP / source).exists() if source.startswith(".") else source in compose["volumes"]
            demand(known, f"{name}: {source} is neither a path nor a volume")


def containment(compose):
    """The program's containers may do nothing that they need not."""
    ours = {name: s for name, s in compose["services"].items() if "deploy/Dockerfile" in str(s.get("build"))}
    demand(ROLES <= set(ours), f"no container for {ROLES - set(ours)}")
    for name, service in ours.items():
        demand(service.get("read_only") is True, f"{name}: its root can be written")
        demand(service.get("cap_drop") == ["ALL"], f"{name}: keeps capabilities")
        demand("no-new-privileges:true" in service.get("security_opt", []), f"{name}: may gain privileges")
        demand(re.fullmatch(r"[1-9]\d*:[1-9]\d*", service.get("user", "")), f"{name}: its user is no number above 0")
        has_keys = any(volume.startswith("keys:") for volume in service.get("volumes", []))
        demand(has_keys == (name == "crypto"), f"{name}: the keys directory is crypto's alone")
    for role in ROLES & set(ours):
        demand(f"--roles={role}" in ours[role]["command"], f"{role}: runs another role")
        cert = ours[role]["environment"].get("VERBALE__TLS__CERT", "")
        demand(cert.endswith(f"/{role}.crt"), f"{role}: shows another's certificate")
        demand(f"--host={role}" in ours["certs"]["command"], f"{role}: its name is in no certificate")


def mesh(compose, config, prometheus):
    grpc, metrics = (config["server"][key].rpartition(":")[2] for key in ("listen", "metrics"))
    expected = {role: f"https://{role}:{grpc}" for role in ROLES}
    demand(config["peers"] == expected, f"verbale.toml: the peers are not {expected}")
    for url in (config["storage"]["log"], config["storage"]["store"], config["storage"]["objects"]):
        for host in re.findall(r"(?:kafka|scylla|http)://([\w-]+):\d+", url):
            demand(host in compose["services"], f"verbale.toml: there is no service {host}")
    bucket = config["storage"]["objects"].removeprefix("s3://").partition("?")[0]
    demand(bucket == compose["services"]["bucket"]["entrypoint"][-1], f"verbale.toml: nobody makes bucket {bucket}")
    found = [names for job in prometheus["scrape_configs"] for names in job.get("dns_sd_configs", [])]
    demand({name for names in found for name in names["names"]} == ROLES, "prometheus.yml: scrapes other roles")
    demand({str(names["port"]) for names in found} == {metrics}, f"prometheus.yml: the metrics port is {metrics}")


def alerts(rules, tests):
    pages = {page.relative_to(TOP).as_posix() for page in (DEPLOY / "runbooks").glob("*.md")}
    tried = {case["alertname"] for test in tests["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]}
    used, expressions = set(), []
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        used.add(rule["annotations"]["runbook"])
        expressions.append(rule["expr"])
        demand(rule["alert"] in tried, f"{rule['alert']}: no test in which it fires")
        demand(rule["labels"]["severity"] in ("page", "ticket"), f"{rule['alert']}: an unknown severity")
    demand(used == pages, f"runbooks without an alert, or the other way round: {sorted(used ^ pages)}")
    return expressions


def dashboard(board, datasources):
    known = {source["uid"] for source in datasources["datasources"]}
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    for panel in panels:
        demand(panel["datasource"]["uid"] in known, f"panel {panel['title']}: its data source is not provisioned")
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    # promtool reads expressions as rules.
    records = [
        {"record": f"panel_{number}", "expr": expr.replace("$__rate_interval", "1m")}
        for number, expr in enumerate(expressions)
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"groups": [{"name": "panels", "rules": records}]}, file)
        file.flush()
        checked = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True)
    demand(checked.returncode == 0, f"the dashboard's expressions: {checked.stderr}")
    return expressions


def metrics(expressions):
    """A metric that the program has not can never fire and never be drawn."""
    sources = (path.read_text() for path in (TOP / "services").rglob("*.rs"))
    there = {name for text in sources for name in re.findall(r'name: "(verbale_\w+)"', text)}
    named = {name for expr in expressions for name in re.findall(r"\bverbale_\w+", expr)}
    for name in sorted(named):
        demand(re.sub(r"_(bucket|count|sum)$", "", name) in there, f"{name}: the program has no such metric")


def main():
    for path in DEPLOY.rglob("*"):
        if path.suffix in (".json", ".toml", ".yaml", ".yml"):
            read(path)
    compose = read(TOP / "docker-compose.yml")
    prometheus = DEPLOY / "prometheus"
    services(compose)
    containment(compose)
    mesh(compose, read(DEPLOY / "compose/verbale.toml"), read(prometheus / "prometheus.yml"))
    expressions = alerts(read(prometheus / "rules.yml"), read(prometheus / "rules_test.yml"))
    expressions += dashboard(
        read(DEPLOY / "grafana/dashboards/verbale.json"), read(DEPLOY / "grafana/provisioning/datasources/verbale.yml")
    )
    metrics(expressions)
    for what in wrong:
        print(f"deploy/agreement: {what}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
