"""The packaged functions as Lambda unpacks them; the one at viewer-request in Node.js, with CloudFront's events for it."""

import base64
import json
import os
import shutil
import subprocess
import threading
import zipfile
from pathlib import Path

from case_rows import CASES
from processes import ROOT, run

HARNESS = ROOT / "tests" / "aws" / "handler.mjs"


def package(config, out):
    """`edgepass aws package`, unpacked: the directories of the edge function and of the regional one."""
    run("aws", "package", "--config", config, "--out", out, check=0)
    return unpack(out, "edge"), unpack(out, "regional")


def unpack(out, name):
    (packed,) = Path(out).glob(f"{name}-*.zip")
    directory = Path(out) / name
    with zipfile.ZipFile(packed) as archive:
        for entry in archive.infolist():
            os.chmod(archive.extract(entry, directory), entry.external_attr >> 16)
    return directory


def package_cases(directory, cases=CASES):
    """The functions of the configuration that the rows beside it are asked of."""
    shutil.copytree(cases / "keys", directory / "keys")
    config = directory / "edgepass.toml"
    config.write_text((cases / "site.toml").read_text() + '\n[aws]\nstack = "cases"\n')
    return package(config, directory / "out")


def event(method, target, headers, body=None):
    """A viewer-request event as the CloudFront Developer Guide has it ("Lambda@Edge event structure")."""

    path, query = target.split("?", 1) if "?" in target else (target, "")
    fields = {}
    for name, value in headers:
        fields.setdefault(name.lower(), []).append({"key": name, "value": value})
    fields.setdefault("host", [{"key": "Host", "value": "d111111abcdef8.cloudfront.net"}])
    request = {
        "clientIp": "203.0.113.178",
        "headers": fields,
        "method": method,
        "querystring": query,
        "uri": path,
    }
    if body is not None:
        data = base64.b64encode(body).decode()
        request["body"] = {"action": "read-only", "data": data, "encoding": "base64", "inputTruncated": False}
    config = {
        "distributionDomainName": "d111111abcdef8.cloudfront.net",
        "distributionId": "EDFDVBD6EXAMPLE",
        "eventType": "viewer-request",
        "requestId": "4TyzHTaYWb1GX1qTfsHhEqV6HUDd_BzoBZnwfnvQc_1oF26ClkoUSEQ==",
    }
    return {"Records": [{"cf": {"config": config, "request": request}}]}


class Function:
    """Ask it with `ask(event)`."""

    def __init__(self, directory, harness=HARNESS):
        # Lambda@Edge has no environment variables of one's own.
        self._process = subprocess.Popen(
            ["node", str(harness), str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log = []
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def _read_log(self):
        for line in self._process.stderr:
            self.log.append(line.rstrip("\n"))

    def ask(self, event):
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the function ended:\n{chr(10).join(self.log)}"
        return json.loads(line)

    def stop(self):
        self._process.stdin.close()
        self._process.wait(10)
        self._reader.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
