//! Takes a changed configuration, or renewed certificates, while the gateway serves: all of it or nothing.
//!
//! On a thread of its own, one reload after the other: files on a disk that hangs hold up no request.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use gateway::{Control, ReloadRequest};
use hook::HookSettings;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::config::{self, Config, Diagnostics, Issuer, Listen, in_json};
use crate::gateway_parts::{Parts, link_key, read_secret, seals, site};
use crate::trouble::tell;
use crate::watch::Watch;

/// How often the certificates' files are looked at: a few calls to the system.
const LOOK: Duration = Duration::from_secs(2);

/// As the main thread has it, on which the first configuration was read.
const STACK: usize = 8 << 20;

pub struct Reloader {
    file: PathBuf,
    fixed: Fixed,
    hooks: Vec<HookSettings>,
    link_secret: Option<PathBuf>,
    watch: Watch,
}

/// What was done, for those who asked and for the operator.
struct Done {
    certificates: bool,
    keys: Vec<String>,
    warnings: Value,
}

impl Reloader {
    /// For a gateway that is started with this configuration.
    pub fn new(config: &Config) -> Self {
        Self {
            file: config.file.clone(),
            fixed: Fixed::of(config),
            hooks: config.hooks.clone(),
            link_secret: config.link_secret.clone(),
            watch: Watch::new(config.tls.as_ref()),
        }
    }

    /// Serves requests until nobody is left to ask.
    pub fn start(
        mut self,
        control: Control,
        requests: Receiver<ReloadRequest>,
        runtime: Handle,
    ) -> std::io::Result<()> {
        let serve = move || {
            let _entered = runtime.enter();
            loop {
                match requests.recv_timeout(LOOK) {
                    Ok(request) => {
                        let answer = self.answer(&control, &runtime);
                        let _ = request.answer.send(answer); // whoever asked may have gone
                    }
                    Err(RecvTimeoutError::Timeout) => self.watch.look(&control),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        std::thread::Builder::new().name("reload".into()).stack_size(STACK).spawn(serve).map(|_| ())
    }

    fn answer(&mut self, control: &Control, runtime: &Handle) -> (StatusCode, Value) {
        let file = self.file.display().to_string();
        let reloaded = self.reload(control, runtime);
        control.reloaded(reloaded.is_ok());
        match reloaded {
            Ok(Done { certificates, keys, warnings }) => {
                let certificates_said = if certificates { "new certificates" } else { "the same certificates" };
                let keys_said = if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
                tell(format_args!("reloaded {file}: {certificates_said}; issuers with other keys: {keys_said}"));
                let body = json!({
                    "ok": true, "file": file, "certificates": certificates, "keys": keys, "warnings": warnings,
                });
                (StatusCode::OK, body)
            }
            Err(diagnostics) => {
                tell(format_args!("{diagnostics}not reloaded: everything stays as it was"));
                (StatusCode::UNPROCESSABLE_ENTITY, diagnostics.to_json())
            }
        }
    }

    /// Everything is read and made before anything is replaced.
    fn reload(&mut self, control: &Control, runtime: &Handle) -> Result<Done, Diagnostics> {
        let config = config::load(&self.file)?;
        let wrong = |messages: Vec<String>| Diagnostics::of_whole(&self.file, messages);
        let fixed = Fixed::of(&config);
        let changed = self.fixed.differences(&fixed);
        if !changed.is_empty() {
            return Err(wrong(changed.iter().map(|what| format!("{what} changed, and takes a new start")).collect()));
        }
        let one = |trouble: crate::trouble::Trouble| wrong(vec![trouble.message()]);
        let link_key = match (&config.link_secret, &self.link_secret, control.link_key()) {
            // Links that were made under it stay good.
            (None, None, Some(known)) => known,
            (file, ..) => Arc::new(link_key(file.as_deref()).map_err(one)?),
        };
        let admin_secret = config.admin_secret.as_deref().map(read_secret).transpose().map_err(one)?;
        let seals = seals(&config, &link_key).map_err(one)?;
        let sets = control.keyring().read_again(Some(&link_key));
        let sets = sets.map_err(|faults| wrong(faults.into_iter().map(|(_, fault)| fault.to_string()).collect()))?;
        let hooks = if config.hooks == self.hooks {
            control.hooks() // with what they remember
        } else {
            let names = config.issuers.iter().map(|issuer| issuer.settings.name.clone()).collect();
            let opened = hook::Hooks::open(config.hooks.clone(), names, runtime.clone());
            opened.map_err(|error| wrong(vec![error.to_string()]))?
        };
        let certificates = config.tls.as_ref().map(config::Tls::certificates).unwrap_or_default();

        let certificates =
            control.replace_certificates(certificates).map_err(|error| wrong(vec![error.to_string()]))?;
        let keys = control.keyring().take(sets);
        let named = |number: usize| config.issuers.get(number).map(|issuer| issuer.settings.name.clone());
        let keys = keys.into_iter().filter_map(named).collect();
        self.watch.follow(config.tls.as_ref());
        self.hooks.clone_from(&config.hooks);
        self.link_secret.clone_from(&config.link_secret);
        let warnings = in_json(&config.file, &config.warnings);
        for warning in &config.warnings {
            tell(warning.told("warning", &config.file));
        }
        let parts = Parts { link_key, seals, hooks, admin_secret, revocable: control.revocable() };
        control.replace_site(site(config, parts));
        Ok(Done { certificates, keys, warnings })
    }
}

/// What a gateway is built on for as long as it runs.
struct Fixed {
    listen: Listen,
    origin: String,
    buckets: Vec<config::Bucket>,
    /// Revocations are kept for as long as their issuers' tokens can live; tokens are remembered by their issuer's number.
    issuers: Vec<Issuer>,
    cache: config::Cache,
    state: Option<PathBuf>,
    revocation: Option<Vec<String>>,
}

impl Fixed {
    fn of(config: &Config) -> Self {
        Self {
            listen: config.listen.clone(),
            origin: config.site.origin.clone(),
            buckets: config.buckets.clone(),
            issuers: config.issuers.clone(),
            cache: config.cache.clone(),
            state: config.state.clone(),
            revocation: config.revocation.clone(),
        }
    }

    fn differences(&self, new: &Self) -> Vec<&'static str> {
        let same = [
            (self.listen == new.listen, "`[listen]`"),
            (self.origin == new.origin, "`origin` of `[site]`"),
            (self.buckets == new.buckets, "`[bucket.NAME]`"),
            (self.issuers == new.issuers, "`[issuer.NAME]`"),
            (self.cache == new.cache, "`[cache]`"),
            (self.state == new.state, "`[state]`"),
            (self.revocation == new.revocation, "`[revocation]`"),
        ];
        same.into_iter().filter(|(same, _)| !same).map(|(_, what)| what).collect()
    }
}

impl Diagnostics {
    /// About no one place of the file.
    fn of_whole(file: &Path, messages: Vec<String>) -> Self {
        let mut all = messages.into_iter().map(|message| Self::of_file(file, config::Mistake::new(message)));
        let first = all.next().unwrap_or_else(|| Self { file: file.to_owned(), list: Vec::new() });
        all.fold(first, |mut all, one| {
            all.list.extend(one.list);
            all
        })
    }
}
