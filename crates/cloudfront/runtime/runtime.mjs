// The loop of Lambda's Node.js runtime: node runtime.mjs DIRECTORY FILE.EXPORT
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
// It ends when the Runtime API is gone.
import { existsSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [directory, name] = process.argv.slice(2);
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const asked = request({ agent, host, port, method, path: `/2018-06-01/runtime/${path}` }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(parts).toString("utf8") }));
      answer.on("error", reject);
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

const described = (error) =>
  JSON.stringify({
    errorType: error?.name ?? "Error",
    errorMessage: error?.message ?? String(error),
    stackTrace: String(error?.stack ?? "").split("\n"),
  });

async function load() {
  const dot = name.lastIndexOf(".");
  const [file, member] = [name.slice(0, dot), name.slice(dot + 1)];
  const path = ["mjs", "js", "cjs"].map((ending) => join(directory, `${file}.${ending}`)).find((path) => existsSync(path));
  if (!path) throw new Error(`cannot find ${file} in the function's directory`);
  const module = await import(pathToFileURL(path));
  const handler = module[member] ?? module.default?.[member];
  if (typeof handler !== "function") throw new Error(`${name} is not a function`);
  return handler;
}

// A handler answers by its promise or by calling back.
function handle(handler, event, context) {
  return new Promise((resolve, reject) => {
    const callback = (error, result) => (error ? reject(error) : resolve(result));
    const result = handler(event, context, callback);
    if (typeof result?.then === "function") result.then(resolve, reject);
    else if (handler.length < 3) resolve(result);
  });
}

async function serve(handler) {
  for (;;) {
    const { headers, body } = await call("GET", "invocation/next");
    const id = headers["lambda-runtime-aws-request-id"];
    const context = {
      awsRequestId: id,
      callbackWaitsForEmptyEventLoop: true,
      functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
      functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
      invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
      memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      getRemainingTimeInMillis: () => Number(headers["lambda-runtime-deadline-ms"]) - Date.now(),
    };
    let outcome;
    try {
      const result = await handle(handler, JSON.parse(body), context);
      outcome = ["response", JSON.stringify(result) ?? "null"];
    } catch (error) {
      console.error(error);
      outcome = ["error", described(error)];
    }
    await call("POST", `invocation/${id}/${outcome[0]}`, outcome[1]);
  }
}

let handler;
try {
  handler = await load();
} catch (error) {
  console.error(error);
  await call("POST", "init/error", described(error)).catch(() => {});
  process.exit(1);
}
// Only the Runtime API's being gone ends the loop.
await serve(handler).catch(() => process.exit(0));
