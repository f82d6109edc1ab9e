"""AWS's own Lambda runtime interface emulator, from the PyPI wheel of the SAM command line."""

import json
import os
import signal
import subprocess
import urllib.request

from processes import ROOT, free_port, wait_until

INSTALL = ROOT / "tests" / "aws" / "install"
RUNTIME = ROOT / "crates" / "cloudfront" / "runtime" / "runtime.mjs"


def emulator():
    subprocess.run([str(INSTALL)], check=True, stdout=subprocess.DEVNULL)
    (found,) = (ROOT / ".venv-aws").glob("lint/lib/*/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64")
    return found


class Lambda:
    """A function behind the emulator. `env` is all the environment that it has, but for what Lambda itself sets."""

    def __init__(self, command, directory, log, env=None, timeout=5):
        port, runtime_port = free_port(), free_port()
        self._url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}", "--runtime-api-address", f"127.0.0.1:{runtime_port}"]
        self.log_path = log
        with open(log, "wb") as output:
            self._process = subprocess.Popen(
                [str(emulator()), *addresses, *map(str, command)],
                cwd=directory,
                env={
                    "PATH": os.environ["PATH"],
                    "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
                    "AWS_LAMBDA_FUNCTION_NAME": "function",
                    "LAMBDA_TASK_ROOT": str(directory),
                    **(env or {}),
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self._listens, 10, "the emulator's port")

    def _listens(self):
        assert self._process.poll() is None, self.log_path.read_text()
        try:
            urllib.request.urlopen(self._url.rsplit("/2015", 1)[0] + "/", timeout=1)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def invoke(self, event):
        request = urllib.request.Request(self._url, data=event if isinstance(event, bytes) else json.dumps(event).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def stop(self):
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
