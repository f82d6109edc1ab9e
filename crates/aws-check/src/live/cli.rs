//! The AWS CLI as a child process. It has every way to credentials that people use, so we need none of our own.

use std::fmt;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// A call of the AWS CLI: its words, without `aws`; the answer's JSON, null where there is none.
pub type Aws<'a> = &'a dyn Fn(&[&str]) -> Result<Json, AwsError>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// `cloudfront get-distribution-config`.
    pub call: String,
    pub fault: AwsFault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsFault {
    /// There is no program `aws`.
    Missing,
    NotStarted(String),
    TimedOut(Duration),
    /// AWS answered with an error: its code and its words.
    Refused {
        code: String,
        words: String,
    },
    /// The program itself ended with an error: no credentials, no region, no network.
    Failed(String),
    NotJson,
    TooLong,
}

/// A call that takes longer has lost its network; the CLI tries again several times by itself.
const PATIENCE: Duration = Duration::from_secs(90);

/// An answer that is longer is none of those that are asked for.
const ANSWER_BYTES: u64 = 32 * 1_048_576;

/// How often a running call is looked at.
const PAUSE: Duration = Duration::from_millis(20);

/// Calls the program `aws`.
pub fn aws(words: &[&str]) -> Result<Json, AwsError> {
    run("aws", words, PATIENCE)
}

fn run(program: &str, words: &[&str], patience: Duration) -> Result<Json, AwsError> {
    let failed = |fault| AwsError { call: words.iter().take(2).copied().collect::<Vec<_>>().join(" "), fault };
    let mut child = Command::new(program)
        .args(words)
        .args(["--output", "json", "--cli-connect-timeout", "10", "--cli-read-timeout", "30"])
        // Version 2 would show its answer in a pager.
        .env("AWS_PAGER", "")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(not_started(&error)))?;
    let (answer, complaint) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let success = wait(&mut child, patience).map_err(&failed)?;
    let (answer, complaint) = (joined(answer), joined(complaint));
    if !success {
        return Err(failed(complained(&String::from_utf8_lossy(&complaint))));
    }
    if answer.len() as u64 > ANSWER_BYTES {
        return Err(failed(AwsFault::TooLong));
    }
    if answer.iter().all(u8::is_ascii_whitespace) {
        return Ok(Json::Null);
    }
    serde_json::from_slice(&answer).map_err(|_| failed(AwsFault::NotJson))
}

fn not_started(error: &io::Error) -> AwsFault {
    match error.kind() {
        io::ErrorKind::NotFound => AwsFault::Missing,
        _ => AwsFault::NotStarted(error.to_string()),
    }
}

/// Reads beside the child, which would wait for a full pipe.
fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // What was read until a broken pipe is judged as it is.
            let _ = pipe.take(ANSWER_BYTES + 1).read_to_end(&mut bytes);
        }
        bytes
    })
}

fn joined(reader: JoinHandle<Vec<u8>>) -> Vec<u8> {
    reader.join().unwrap_or_default()
}

fn wait(child: &mut Child, patience: Duration) -> Result<bool, AwsFault> {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) if start.elapsed() < patience => thread::sleep(PAUSE),
            Ok(None) => {
                // It may have ended by itself meanwhile; either way it is gone afterwards.
                let _ = child.kill();
                let _ = child.wait();
                return Err(AwsFault::TimedOut(patience));
            }
            Err(error) => return Err(AwsFault::NotStarted(error.to_string())),
        }
    }
}

/// `An error occurred (AccessDenied) when calling the GetBucketPolicy operation: Access Denied`.
fn complained(text: &str) -> AwsFault {
    let text = text.trim();
    let code = text.split_once("An error occurred (").and_then(|(_, rest)| rest.split_once(')'));
    match code {
        Some((code, rest)) => {
            let words = rest.split_once(": ").map_or(rest, |(_, words)| words);
            AwsFault::Refused { code: code.to_owned(), words: words.trim().to_owned() }
        }
        None => AwsFault::Failed(text.to_owned()),
    }
}

impl AwsError {
    /// AWS's code of the error: `NoSuchBucketPolicy`.
    pub fn code(&self) -> Option<&str> {
        match &self.fault {
            AwsFault::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// What was asked for is not there, rather than hidden.
    pub fn is_absence(&self) -> bool {
        self.code().is_some_and(|code| {
            code.starts_with("NoSuch") || code.ends_with("NotFound") || code.ends_with("NotFoundError") || code == "404"
        })
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = &self.call;
        match &self.fault {
            AwsFault::Missing => f.write_str("the program `aws` (the AWS CLI) is not there"),
            AwsFault::NotStarted(error) => write!(f, "`aws {call}` could not be run: {error}"),
            AwsFault::TimedOut(patience) => write!(f, "`aws {call}` did not end in {} s", patience.as_secs()),
            AwsFault::Refused { code, words } => write!(f, "`aws {call}`: {words} ({code})"),
            AwsFault::Failed(words) => write!(f, "`aws {call}`: {words}"),
            AwsFault::NotJson => write!(f, "`aws {call}` answered what is not JSON"),
            AwsFault::TooLong => write!(f, "`aws {call}` answered more than {ANSWER_BYTES} bytes"),
        }
    }
}

impl std::error::Error for AwsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_aws_have_codes() {
        let text = "\nAn error occurred (NoSuchBucketPolicy) when calling the GetBucketPolicy operation: The bucket policy does not exist\n";
        let fault = complained(text);
        let words = "The bucket policy does not exist".to_owned();
        assert_eq!(fault, AwsFault::Refused { code: "NoSuchBucketPolicy".into(), words });
        assert!(AwsError { call: String::new(), fault }.is_absence());
        assert!(matches!(complained("Unable to locate credentials"), AwsFault::Failed(_)));
    }

    #[test]
    fn a_program_that_is_not_there_or_hangs_is_told_of() {
        let fault = |program, words: &[&str], patience| run(program, words, patience).unwrap_err().fault;
        assert_eq!(fault("no-such-program-as-this", &["a"], PATIENCE), AwsFault::Missing);
        let patience = Duration::from_millis(100);
        let hangs = ["-c", "sleep 20; exit 0", "x"];
        assert_eq!(fault("sh", &hangs, patience), AwsFault::TimedOut(patience));
        assert_eq!(fault("sh", &["-c", "echo no >&2; exit 3", "x"], PATIENCE), AwsFault::Failed("no".into()));
        assert_eq!(fault("sh", &["-c", "echo no", "x"], PATIENCE), AwsFault::NotJson);
        assert_eq!(run("sh", &["-c", "echo '[1]'", "x"], PATIENCE).unwrap(), serde_json::json!([1]));
        assert_eq!(run("sh", &["-c", "true", "x"], PATIENCE).unwrap(), Json::Null);
    }
}
