//! Replays what was kept of the fuzzing: `corpus/`, a file for each target with one input a line, in Base64.

use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fuzz::{TARGETS, Target};

/// Far more than any input takes, and below what `run` calls a hang.
const MOST: Duration = Duration::from_secs(1);

fn inputs(target: &Target) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| STANDARD.decode(line).expect("a line of Base64")).collect()
}

#[test]
fn every_input_that_was_kept() {
    let (mut replayed, mut failures) = (0, Vec::new());
    for target in &TARGETS {
        let inputs = inputs(target);
        assert!(!inputs.is_empty(), "{} has no inputs", target.name);
        for input in inputs {
            let begun = Instant::now();
            let held = catch_unwind(|| (target.run)(&input)).is_ok();
            if !held || begun.elapsed() > MOST {
                failures.push(format!("{}: {}", target.name, input.escape_ascii()));
            }
            replayed += 1;
        }
    }
    println!("{replayed} inputs replayed");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_file_is_a_targets() {
    let folder = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).expect("the corpus");
    for file in folder {
        let name = file.expect("a file").file_name();
        assert!(fuzz::find(&name.to_string_lossy()).is_some(), "{name:?} belongs to no target");
    }
}
