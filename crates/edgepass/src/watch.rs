//! Takes up certificates that were renewed, without being told: it looks whether their files have changed.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway::{Certificate, Control};

use crate::config::{Tls, day, now, read_pair, time_troubles};
use crate::trouble::tell;

const DAY: i64 = 86_400;

#[derive(Default)]
pub struct Watch {
    /// A certificate's file and its key's.
    pairs: Vec<(PathBuf, PathBuf)>,
    /// As the files were when they were last read and taken.
    taken: Vec<Stamp>,
    /// As they were at the last look, where that was otherwise: whoever writes two files needs a moment.
    moving: Vec<Stamp>,
    /// As they were when they could not be taken, so that it is told once.
    refused: Vec<Stamp>,
    /// When expiry was last told of.
    told: i64,
}

/// What the system says of a file: whether it is there, its number, its size, when it was changed.
type Stamp = Option<(u64, u64, i64, i64, i64, i64)>;

impl Watch {
    pub fn new(tls: Option<&Tls>) -> Self {
        let mut watch = Self { told: now(), ..Self::default() };
        watch.follow(tls);
        watch
    }

    /// Looks at these files from now on.
    pub fn follow(&mut self, tls: Option<&Tls>) {
        let watched = tls.filter(|tls| tls.watch);
        let pairs = watched.into_iter().flat_map(|tls| &tls.pairs);
        self.pairs = pairs.map(|pair| (pair.certificate.clone(), pair.key.clone())).collect();
    }

    /// Reads the files where they changed, and have not since the last look.
    pub fn look(&mut self, control: &Control) {
        self.tell_expiry(control);
        let stamps: Vec<Stamp> =
            self.pairs.iter().flat_map(|(certificate, key)| [stamp(certificate), stamp(key)]).collect();
        if stamps == self.taken {
            return;
        }
        if stamps != self.moving {
            self.moving = stamps;
            return;
        }
        match self.read().and_then(|read| control.replace_certificates(read).map_err(|error| vec![error.to_string()])) {
            Ok(changed) => {
                if changed {
                    control.reloaded(true);
                    for certificate in control.certificates() {
                        let (file, until) = (certificate.file.display(), day(certificate.expires));
                        tell(format_args!("certificate {file} taken up, good until {until}"));
                    }
                }
                self.taken = stamps;
                self.refused = Vec::new();
            }
            Err(faults) if self.refused != stamps => {
                control.reloaded(false);
                for fault in faults {
                    tell(format_args!("warning: {fault}; the certificates in use stay"));
                }
                self.refused = stamps;
            }
            Err(_) => {}
        }
    }

    fn read(&self) -> Result<Vec<Arc<Certificate>>, Vec<String>> {
        let (mut read, mut faults) = (Vec::new(), Vec::new());
        for (certificate, key) in &self.pairs {
            match read_pair(certificate, key) {
                Ok(certificate) => read.push(Arc::new(certificate)),
                Err(wrong) => faults.extend(wrong.into_iter().map(|(_, mistake)| mistake.message)),
            }
        }
        if faults.is_empty() { Ok(read) } else { Err(faults) }
    }

    /// Once a day: certificates that have expired or will soon.
    fn tell_expiry(&mut self, control: &Control) {
        let now = now();
        if now - self.told < DAY {
            return;
        }
        self.told = now;
        for certificate in control.certificates() {
            for trouble in time_troubles(&certificate, now) {
                tell(format_args!("warning: {}", trouble.message));
            }
        }
    }
}

fn stamp(file: &Path) -> Stamp {
    let about = std::fs::metadata(file).ok()?;
    Some((about.ino(), about.size(), about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec()))
}
