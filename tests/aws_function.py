"""A CloudFront Function as the tests run it: rendered from a site, asked with CloudFront's events, in two engines."""

import json
import shutil
import subprocess

from processes import ROOT, example

RUNNERS = ROOT / "tests" / "aws" / "function"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LEEWAY = 30


def site_settings(site):
    """A configuration as the crates' `SiteSettings`, every issuer with HS256."""
    issuers, buckets = list(site["issuer"]), list(site["bucket"])

    def allow(row):
        who = "anyone" if row.get("anyone") else {"claims": [[name, as_list(value)] for name, value in row["claims"].items()]}
        issuer = issuers.index(row["issuer"]) if "issuer" in row else None
        return {"action": row["action"], "issuer": issuer, "who": who}

    def upload(settings):
        if settings is None:
            return None
        fill = list(settings.get("fill", {}).items())
        return {"fill": fill, "max_size": 1 << 20, "types": settings["types"], "life": 900}

    return {
        "origin": site["site"]["origin"],
        "apps": site["site"]["apps"],
        "carriers": [carrier if ":" not in carrier else dict([carrier.split(":")]) for carrier in site["token"]["from"]],
        "issuers": [
            {
                "name": name,
                "issuer": issuer["issuer"],
                "audiences": [issuer["audience"]],
                "algorithms": ["HS256"],
                "may": issuer["may"],
                "max_age": seconds(issuer["max_age"]) if "max_age" in issuer else None,
                "leeway": seconds(issuer["leeway"]) if "leeway" in issuer else LEEWAY,
            }
            for name, issuer in site["issuer"].items()
        ],
        "routes": [
            {
                "name": route["name"],
                "path": route["path"],
                "bucket": buckets.index(route["bucket"]),
                "key": route.get("key"),
                "allow": [allow(row) for row in route["allow"]],
                "upload": upload(route.get("upload")),
                "any_origin": route.get("cors") == "*",
            }
            for route in site["route"]
        ],
    }


def as_list(value):
    return value if isinstance(value, list) else [value]


def seconds(text):
    return int(text[:-1]) * SECONDS[text[-1]]


def render(site):
    """The function's code; `CalledProcessError` with the faults on stderr where it cannot be one."""
    asked = json.dumps({"site": site_settings(site), "buckets": list(site["bucket"])})
    rendered = subprocess.run([str(example("function"))], input=asked, capture_output=True, text=True)
    rendered.check_returncode()
    return rendered.stdout


def event_of(question, number):
    """What CloudFront makes of a request: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html"""
    path, _, query = question.target.partition("?")
    headers, cookies = {"host": {"value": "files.example.com"}}, {}
    for name, value in question.headers:
        if name.lower() == "cookie":
            for pair in value.split(";"):
                cookie, _, text = pair.strip().partition("=")
                add(cookies, cookie, text)
        else:
            add(headers, name.lower(), value.strip())
    parameters = {}
    for pair in query.split("&") if query else []:
        name, _, value = pair.partition("=")
        add(parameters, name, value)
    return {
        "version": "1.0",
        "context": {"distributionDomainName": "d1.cloudfront.net", "eventType": "viewer-request", "requestId": f"id-{number}_=="},
        "viewer": {"ip": "198.51.100.11"},
        "request": {"method": question.method, "uri": path, "querystring": parameters, "headers": headers, "cookies": cookies},
    }


def add(fields, name, value):
    field = fields.setdefault(name, {"value": value})
    if field.get("multiValue"):
        field["multiValue"].append({"value": value})
    elif field["value"] is not value:
        field["multiValue"] = [{"value": field["value"]}, {"value": value}]


def run_in_node(code, store, events, directory):
    (directory / "code.js").write_text(code)
    (directory / "store.json").write_text(json.dumps(store))
    command = ["node", RUNNERS / "run.mjs", directory / "code.js", directory / "store.json"]
    lines = subprocess.run(command, input=lines_of(events), capture_output=True, text=True, check=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def run_in_njs(code, store, events, directory):
    (directory / "code.js").write_text(code + (RUNNERS / "njs_end.js").read_text())
    shutil.copy(RUNNERS / "njs_store.js", directory / "cloudfront")
    (directory / "store").write_text(json.dumps(store))
    (directory / "events").write_text(lines_of(events))
    command = ["njs", "-q", "-p", ".", "code.js"]
    printed = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True).stdout
    outcomes, logs = [], []
    for line in printed.splitlines():
        if line.startswith("OUTCOME "):
            outcomes.append({**json.loads(line.removeprefix("OUTCOME ")), "logs": logs})
            logs = []
        else:
            logs.append(line)
    return outcomes


def lines_of(events):
    return "\n".join(json.dumps(event) for event in events)


ENGINES = {"node": run_in_node, "njs": run_in_njs}
