//! Puts the parts together and sets them going.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

use cache::{Cache, Defaults, Limits};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::bucket::{self, Buckets};
use crate::errors::Errors;
use crate::fault::Fault;
use crate::lambda::{Function, Launch};
use crate::limits;
use crate::listen::listen;
use crate::log::Log;
use crate::pipeline::Edge;
use crate::settings::Settings;
use crate::template::{ACCOUNT, Distribution, Lambda, Origin, Program, Script, Templates, ViewerRequest, distribution};
use crate::viewer_request::AtViewerRequest;

const NODE_LOOP: &str = include_str!("../runtime/runtime.mjs");
const SCRIPT_LOOP: &str = include_str!("../runtime/function.mjs");

/// A running emulator. Dropping it ends it, too, without waiting.
pub struct Running {
    stop: watch::Sender<bool>,
    listening: JoinHandle<()>,
    functions: Vec<Arc<Function>>,
    scratch: Scratch,
}

/// Reads the templates and serves on `listener`. Everything that a template says and that is not emulated, or that AWS would refuse, is a
/// fault. Functions are started when they are first needed.
pub fn start(settings: Settings, listener: TcpListener, runtime: &Handle) -> Result<Running, Fault> {
    let templates = Templates::read(&settings.templates, &settings.parameters)?;
    let distribution = distribution(&templates, &settings)?;
    let (stop, stopping) = watch::channel(false);
    let scratch = Scratch::new()?;
    let made = BTreeMap::new();
    let mut makers = Makers { settings: &settings, runtime, stopping: &stopping, scratch: &scratch, made };
    let viewer_requests = distribution
        .behaviours
        .iter()
        .map(|behaviour| behaviour.viewer_request.as_ref().map(|function| makers.viewer_request(function)).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let behind = distribution.origins.iter().map(|origin| match origin {
        Origin::Api(api) => makers.regional(&api.function).map(Some),
        Origin::Bucket(_) => Ok(None),
    });
    let behind = behind.collect::<Result<_, Fault>>()?;
    let functions = makers.made.into_values().collect();
    let cache = Limits { memory: limits::CACHE, defaults: Defaults::default(), missing_ttl: 0 };
    let cache = Cache::open(cache, buckets(&distribution)?, runtime.clone());
    let edge = Arc::new(Edge {
        viewer_requests,
        behind,
        cache: cache.map_err(|error| Fault::machine("the cache", error))?,
        errors: Errors::default(),
        log: Log::new(settings.log),
        output: settings.output,
        distribution,
    });
    let failed = |error: std::io::Error| Fault::machine("the listener", error);
    listener.set_nonblocking(true).map_err(failed)?;
    let entered = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
    drop(entered);
    let listening = runtime.spawn(listen(edge, listener, stopping));
    Ok(Running { stop, listening, functions, scratch })
}

impl Running {
    /// Lets answers that are under way end, for two seconds at most, and ends every function's process.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.listening.await;
        for function in &self.functions {
            function.end().await;
        }
        drop(self.scratch);
    }
}

fn buckets(distribution: &Distribution) -> Result<Buckets, Fault> {
    let one = |behaviour: &crate::template::Behaviour| match distribution.origins.get(behaviour.origin) {
        Some(Origin::Bucket(bucket)) => Ok(Some((bucket::open(bucket)?, behaviour.cache.clone()))),
        _ => Ok(None),
    };
    distribution.behaviours.iter().map(one).collect::<Result<_, _>>().map(Buckets)
}

/// Makes each function once, however many behaviours have it.
struct Makers<'a> {
    settings: &'a Settings,
    runtime: &'a Handle,
    stopping: &'a watch::Receiver<bool>,
    scratch: &'a Scratch,
    made: BTreeMap<String, Arc<Function>>,
}

impl Makers<'_> {
    fn viewer_request(&mut self, function: &ViewerRequest) -> Result<AtViewerRequest, Fault> {
        Ok(match function {
            ViewerRequest::LambdaEdge(function) => {
                // Lambda@Edge names a copy by the region that the function was made in.
                let launch = self.launch(function, &format!("us-east-1.{}", function.id))?;
                AtViewerRequest::LambdaEdge(self.make(launch))
            }
            ViewerRequest::Script(script) => {
                let launch = self.script(script)?;
                AtViewerRequest::Script(self.make(launch))
            }
        })
    }

    fn regional(&mut self, function: &Lambda) -> Result<Arc<Function>, Fault> {
        let mut launch = self.launch(function, &function.id)?;
        let credentials = &self.settings.function_credentials;
        let mut set = |name: &str, value: &str| launch.environment.push((name.into(), value.into()));
        set("AWS_ACCESS_KEY_ID", credentials.access_key_id());
        set("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key());
        if let Some(token) = credentials.session_token() {
            set("AWS_SESSION_TOKEN", token);
        }
        launch.environment.extend(function.environment.iter().cloned());
        Ok(self.make(launch))
    }

    fn make(&mut self, launch: Launch) -> Arc<Function> {
        let (output, runtime, stop) = (Arc::clone(&self.settings.output), self.runtime.clone(), self.stopping.clone());
        let made = self.made.entry(launch.id.clone());
        Arc::clone(made.or_insert_with(|| Function::new(launch, output, runtime, stop)))
    }

    /// The variables that Lambda reserves.
    /// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html (Defined runtime environment variables)
    fn launch(&self, function: &Lambda, name: &str) -> Result<Launch, Fault> {
        let directory = function.code.display().to_string();
        let (program, handler, arguments) = match &function.program {
            Program::Native => (function.code.join("bootstrap"), "bootstrap", Vec::new()),
            Program::Node { handler } => {
                let node_loop = self.scratch.write("runtime.mjs", NODE_LOOP)?;
                (self.settings.node.clone(), handler.as_str(), vec![node_loop, directory.clone(), handler.clone()])
            }
        };
        let variables = [
            ("_HANDLER", handler),
            ("AWS_DEFAULT_REGION", &function.region),
            ("AWS_EXECUTION_ENV", &format!("AWS_Lambda_{}", function.runtime)),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &function.memory.to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_REGION", &function.region),
            ("LAMBDA_TASK_ROOT", &directory),
            ("TZ", ":UTC"),
        ];
        Ok(Launch {
            id: function.id.clone(),
            arn: format!("arn:aws:lambda:{}:{ACCOUNT}:function:{}:1", function.region, function.id),
            program,
            arguments,
            directory: function.code.clone(),
            environment: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .chain(path())
                .collect(),
            timeout: function.timeout,
        })
    }

    fn script(&self, script: &Script) -> Result<Launch, Fault> {
        let script_loop = self.scratch.write("function.mjs", SCRIPT_LOOP)?;
        let code = self.scratch.write(&format!("{}.js", script.id), &script.code)?;
        let entries = json!(script.key_values).to_string();
        let store = self.scratch.write(&format!("{}.json", script.id), &entries)?;
        Ok(Launch {
            id: script.id.clone(),
            arn: format!("arn:aws:cloudfront::{ACCOUNT}:function/{}", script.id),
            program: self.settings.node.clone(),
            arguments: vec![script_loop, code, store],
            directory: self.scratch.0.clone(),
            environment: path().collect(),
            timeout: limits::SCRIPT_TIMEOUT,
        })
    }
}

/// Programs are found as we find them.
fn path() -> impl Iterator<Item = (String, String)> {
    std::env::var("PATH").into_iter().map(|path| ("PATH".to_owned(), path))
}

/// A directory of our own under the machine's temporary one, gone with us: the loops, and what templates have inside. Nobody else may
/// look into it, for key value stores hold secrets.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Fault> {
        let path = std::env::temp_dir().join(format!("edgepass-cloudfront-{}", Uuid::new_v4()));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| Fault::machine(format!("`{}`", path.display()), error))?;
        Ok(Self(path))
    }

    /// Where it stands then.
    fn write(&self, name: &str, text: &str) -> Result<String, Fault> {
        let path = self.0.join(name);
        std::fs::write(&path, text).map_err(|error| Fault::machine(format!("`{}`", path.display()), error))?;
        Ok(path.display().to_string())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is in a temporary directory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
