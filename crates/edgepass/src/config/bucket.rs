//! `[bucket.x]`: a store and how to sign for it.

use std::path::Path;
use std::time::Duration;

use super::credentials::{Credentials, read_line};
use super::faults::{Faults, Mistake};
use super::files::path_in;
use super::names::Named;
use super::passed;
use super::section::{Node, Section};
use super::settings::{Bucket, PostForms};
use super::units::duration;
use super::web::origin;
use toml::de::DeValue;

/// After a week nobody comes back to a half-sent file.
const ABANDONED: Duration = Duration::from_hours(7 * 24);

const LEAST_ABANDONED: Duration = Duration::from_mins(1);
const MOST_ABANDONED: Duration = Duration::from_hours(365 * 24);

pub fn read(named: Named<'_>, dir: &Path, faults: &mut Faults) -> Option<Bucket> {
    let Named { name, mut section, .. } = named;
    let endpoint = section
        .require("endpoint", "write the store's origin: `endpoint = \"https://s3.us-west-2.amazonaws.com\"`", faults)
        .and_then(|node| node.parse("an origin", faults, origin));
    let upload_endpoint = section.get("upload_endpoint").and_then(|node| node.parse("an origin", faults, origin));
    let region = section
        .require("region", "stores of one's own take any: `region = \"us-east-1\"`", faults)
        .and_then(|node| node.parse("a region", faults, region));
    let bucket = section
        .require("name", "write the bucket's name in the store: `name = \"my-files\"`", faults)
        .and_then(|node| node.parse("a bucket's name", faults, bucket_name));
    let credentials = section
        .require("credentials", "write `credentials = \"default\"` for the AWS chain", faults)
        .and_then(|node| keys(node, dir, faults));
    let upload_credentials = section.get("upload_credentials").map(|node| keys(node, dir, faults));
    let post = section.get("post").and_then(|node| node.boolean(faults)).unwrap_or(true);
    let headers = section.get("headers").and_then(|node| passed::read(node, faults)).unwrap_or_default();
    let abandoned_uploads = section.get("abandoned_uploads").and_then(|node| abandoned(node, faults));
    section.close(faults);
    let endpoint = endpoint?;
    Some(Bucket {
        name: name.to_owned(),
        upload_endpoint: upload_endpoint.unwrap_or_else(|| endpoint.clone()),
        endpoint,
        region: region?,
        bucket: bucket?,
        credentials: credentials?,
        upload_credentials: upload_credentials.map_or(Some(None), |read| read.map(Some))?,
        headers,
        post: if post { PostForms::Taken } else { PostForms::NotTaken },
        abandoned_uploads: abandoned_uploads.unwrap_or(ABANDONED),
    })
}

/// A browser keeps what it has begun for so long at least, and a slow upload takes days.
fn abandoned(node: Node<'_>, faults: &mut Faults) -> Option<Duration> {
    let age = node.parse("a duration such as \"7d\"", faults, duration)?;
    if age < LEAST_ABANDONED || age > MOST_ABANDONED {
        let mistake = Mistake::new("uploads are abandoned after 1m to 365d");
        faults.add(node.place, mistake.hint("an upload that is still going on would be ended; \"7d\" suits most"));
    }
    Some(age)
}

/// A part of every signature's scope, so it may hold no slash.
fn region(text: &str) -> Result<String, Mistake> {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Ok(text.to_owned());
    }
    Err(Mistake::new(format!("`{text}` is not a region")).hint("write one such as \"us-west-2\""))
}

/// What S3 takes, and what older and other stores take as well: upper case and `_`.
fn bucket_name(text: &str) -> Result<String, Mistake> {
    let fits = (3..=255).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !text.contains("..");
    if fits {
        return Ok(text.to_owned());
    }
    Err(Mistake::new(format!("`{text}` is not a bucket's name"))
        .hint("buckets' names are 3 to 63 lower-case letters, digits, dots and hyphens"))
}

fn keys(node: Node<'_>, dir: &Path, faults: &mut Faults) -> Option<Credentials> {
    let wanted = "\"default\" or a table";
    if let DeValue::String(_) = node.value {
        return node.parse(wanted, faults, |text| match text {
            "default" => Ok(Credentials::Default),
            other => Err(Mistake::new(format!("`{other}` where {wanted} is wanted"))
                .hint("write \"default\", or `{ access_key_env = \"…\", secret_key_env = \"…\" }`; keys themselves do not belong in this file")),
        });
    }
    let mut section = node.section("`credentials`", wanted, faults)?;
    let from_files =
        section.place_of("access_key_file") != section.place || section.place_of("secret_key_file") != section.place;
    let read = if from_files { files(&mut section, dir, faults) } else { environment(&mut section, faults) };
    let others = if from_files {
        ["access_key_env", "secret_key_env", "session_token_env"].as_slice()
    } else {
        ["access_key_file", "secret_key_file"].as_slice()
    };
    for key in others {
        if section.get(key).is_some() {
            let mistake = Mistake::new(format!("`{key}` beside files")).hint("either files or environment variables");
            faults.add(section.place_of(key), mistake);
        }
    }
    section.close(faults);
    read
}

fn environment(section: &mut Section<'_>, faults: &mut Faults) -> Option<Credentials> {
    let hint = "name two environment variables: `{ access_key_env = \"…\", secret_key_env = \"…\" }`";
    let variable = |node: Option<Node<'_>>, faults: &mut Faults| {
        node.and_then(|node| node.parse("the name of an environment variable", faults, variable_name))
    };
    let access_key = section.require("access_key_env", hint, faults);
    let access_key = variable(access_key, faults);
    let secret_key = section.require("secret_key_env", hint, faults);
    let secret_key = variable(secret_key, faults);
    let session_token = variable(section.get("session_token_env"), faults);
    Some(Credentials::Environment { access_key: access_key?, secret_key: secret_key?, session_token })
}

fn variable_name(text: &str) -> Result<String, Mistake> {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.starts_with(|first: char| first.is_ascii_digit())
    {
        return Ok(text.to_owned());
    }
    // What stands there may be the key itself: it is not repeated.
    Err(Mistake::new("not the name of an environment variable").hint("the variable's name belongs here, not its value"))
}

fn files(section: &mut Section<'_>, dir: &Path, faults: &mut Faults) -> Option<Credentials> {
    let hint = "name two files: `{ access_key_file = \"…\", secret_key_file = \"…\" }`";
    let mut file = |key| {
        let node = section.require(key, hint, faults)?;
        let path = node.parse("a path", faults, |text| Ok(path_in(dir, text)))?;
        let read = read_line(&path).map_err(|fault| Mistake::new(fault.to_string()));
        faults.keep(node.place, read).map(|_| path)
    };
    let (access_key, secret_key) = (file("access_key_file"), file("secret_key_file"));
    Some(Credentials::Files { access_key: access_key?, secret_key: secret_key? })
}
