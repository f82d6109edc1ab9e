"""Mistakes in the package, each with the check that must notice it: a check that cannot fail proves nothing."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass
class Breakage:
    file: str
    text: str
    instead: str
    check: str
    says: str = ""  # what the failure's text holds


ALL = {
    "the worker drops Range": Breakage("courier.ts", "['range', 'if-range']", "['if-range']", "08_ranges_and_conditions", "206"),
    "the worker drops Range, a film": Breakage("courier.ts", "['range', 'if-range']", "['if-range']", "05_film"),
    "no lock across tabs": Breakage(
        "wallet.ts", "navigator.locks?.request(name, { signal: AbortSignal.timeout(timeout) }, locked)", "undefined", "14_one_flight"
    ),
    "the worker keeps its tokens at logout": Breakage("files-sw.ts", "courier.forget();", "", "19_logout"),
    "answers on their way are shown after logout": Breakage(
        "courier.ts", "epoch === started ? answer : Response.error()", "answer", "19_logout", "shown after signing out"
    ),
    "other tabs do not hear of logout": Breakage("wallet.ts", "tabs.postMessage(null);", "", "19_logout"),
    "the disk keeps tokens at logout": Breakage("files-sw.ts", "event.waitUntil(disk.erase(`${origin} `));", "", "19_logout"),
    "any origin is ours": Breakage("rules.ts", "url.origin !== origin ||", "", "11_look_alikes"),
    "nothing is healed": Breakage("elements.ts", "heal = true", "heal = false", "01_first_visit"),
    "no claim on the first visit": Breakage("files-sw.ts", "event.waitUntil(self.clients.claim())", "undefined", "01_first_visit"),
    "no claim after a hard reload": Breakage("files-sw.ts", "if (message.type === 'claim')", "if (0)", "20_hard_reload"),
    "no other scope after a 403": Breakage("journey.ts", "if (pass && answer?.status !== 403) break;", "if (pass) break;", "16_scopes"),
    "the query stays in sight": Breakage(
        "courier.ts", "pass?.carrier === 'query' ? new Response(answer.body, answer) : answer", "answer", "13_query_leaves_no_trace"
    ),
    "a new worker waits for the tabs": Breakage("files-sw.ts", "event.waitUntil(self.skipWaiting());", "", "23_new_worker"),
    "a token beside a link": Breakage("rules.ts", " || url.searchParams.has('link')", "", "27_links"),
    "the old worker stays": Breakage("files.ts", "left.unregister()", "0", "28_kill_switch"),
    "a part is asked for once": Breakage("parts.ts", "again(() => sendPart(number), tries)", "sendPart(number)", "30_upload_in_parts", "503"),
    "a cancelled upload stays at the store": Breakage(
        "parts.ts", "again(() => ask('DELETE', upload, undefined), {})", "Promise.resolve()", "30_upload_in_parts", "to be aborted"
    ),
    "the parts go on when it is cancelled": Breakage("parts.ts", "stop.abort(signal.reason)", "0", "30_upload_in_parts"),
    "what the store has is sent again": Breakage("parts.ts", "resume ? await stored() : []", "[]", "30_upload_in_parts"),
    "a token for each part": Breakage("sending.ts", "const mine = (held ??= give());", "const mine = give();", "30_upload_in_parts"),
    "a download by fetch": Breakage(
        "files.ts",
        "await files.link(url, { download: filename || true })",
        "URL.createObjectURL(await (await files.fetch(url)).blob())",
        "24_download",
    ),
}


def build(broken, directory):
    """The package with this mistake, in `directory`."""
    said = {"file": broken.file, "text": broken.text, "instead": broken.instead, "directory": str(directory)}
    subprocess.run(["node", HERE / "broken.mjs", json.dumps(said)], check=True, stdin=subprocess.DEVNULL)
