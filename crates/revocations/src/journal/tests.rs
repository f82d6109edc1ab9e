use std::fs;
use std::io::Write;

use super::*;
use crate::error::Damage;
use crate::support::TempDir;

const WORD: &str = "edgepass tests 1";

fn open(path: &Path) -> Result<(Journal, Opened, Vec<u32>), Error> {
    let mut all = Vec::new();
    let (journal, opened) = Journal::open(path, WORD, true, |record: u32| all.push(record))?;
    Ok((journal, opened, all))
}

/// A journal of three lines after its heading, of one, two and one records.
fn written(path: &Path) -> Vec<u8> {
    let (journal, opened, _) = open(path).unwrap();
    assert!(opened.new);
    for (records, count) in [("[1]", 1), ("[2,3]", 2), ("[4]", 1)] {
        journal.append(records.as_bytes(), count).unwrap();
    }
    drop(journal);
    fs::read(path).unwrap()
}

#[test]
fn a_tail_torn_at_any_byte_is_dropped_and_said() {
    let dir = TempDir::new();
    let path = dir.file("j");
    let whole = written(&path);
    let ends: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] == b'\n').map(|at| at + 1).collect();
    let [heading, first, second, end] = ends[..] else { panic!("{ends:?}") };
    for cut in heading..end {
        fs::write(&path, &whole[..cut]).unwrap();
        let (journal, opened, all) = open(&path).unwrap();
        let (start, records) = match cut {
            _ if cut >= second => (second, vec![1, 2, 3]),
            _ if cut >= first => (first, vec![1]),
            _ => (heading, vec![]),
        };
        assert_eq!(all, records, "cut at {cut}");
        assert_eq!(opened.torn, (cut > start).then_some((cut - start) as u64), "cut at {cut}");
        journal.append(b"[9]", 1).unwrap();
        drop(journal);
        let (_, opened, all) = open(&path).unwrap();
        assert_eq!((opened.torn, all.last()), (None, Some(&9)), "cut at {cut}, then appended");
    }
}

#[test]
fn pages_that_a_power_cut_lost_within_the_last_write_are_a_torn_tail() {
    let dir = TempDir::new();
    let path = dir.file("j");
    let mut whole = written(&path);
    let second = whole.len() - 1 - whole.iter().rev().skip(1).position(|&byte| byte == b'\n').unwrap();
    for start in second..whole.len() {
        whole[start..].fill(0);
        fs::write(&path, &whole).unwrap();
        assert_eq!(open(&path).unwrap().2, [1, 2, 3]);
        whole = {
            fs::remove_file(&path).unwrap();
            written(&path)
        };
    }
}

#[test]
fn a_change_in_the_middle_is_an_error_with_its_line() {
    let dir = TempDir::new();
    let path = dir.file("j");
    let whole = written(&path);
    let last = whole.len() - 1 - whole.iter().rev().skip(1).position(|&byte| byte == b'\n').unwrap();
    for at in 0..last {
        for bit in [1, 0x20, 0x80] {
            let mut changed = whole.clone();
            changed[at] ^= bit;
            fs::write(&path, &changed).unwrap();
            let line = whole[..at].split(|&byte| byte == b'\n').count() as u64;
            let wanted = if line == 1 { Damage::NotAJournal { wanted: WORD } } else { Damage::Checksum };
            match open(&path) {
                Err(Error::Damaged { line: said, damage, .. }) => assert_eq!((said, damage), (line, wanted), "{at}"),
                Err(other) => panic!("byte {at}: {other}"),
                Ok(_) => panic!("byte {at}, bit {bit}: not found"),
            }
        }
    }
}

#[test]
fn a_line_taken_out_doubled_or_moved_is_an_error() {
    let dir = TempDir::new();
    let path = dir.file("j");
    let whole = String::from_utf8(written(&path)).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    for (order, line) in [(&[0, 2, 3][..], 2), (&[0, 1, 1, 2, 3], 3), (&[0, 2, 1, 3], 2), (&[1, 2, 3], 1)] {
        fs::write(&path, order.iter().map(|&line| lines[line]).collect::<String>()).unwrap();
        let Err(Error::Damaged { line: said, .. }) = open(&path) else { panic!("{order:?}") };
        assert_eq!(said, line, "{order:?}");
    }
}

#[test]
fn what_is_no_journal_is_left_alone() {
    let dir = TempDir::new();
    let path = dir.file("j");
    for content in ["", "\n", "secret\n", "{\"sum\":\"00000000\",\"records\":[]}\n"] {
        fs::write(&path, content).unwrap();
        assert!(matches!(open(&path), Err(Error::Damaged { line: 1, damage: Damage::NotAJournal { .. }, .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    fs::remove_file(&path).unwrap();
    written(&path);
    let other = Journal::open(&path, "edgepass others 1", true, |_: u32| ()).map(|_| ());
    assert!(matches!(other, Err(Error::Damaged { line: 1, .. })));
    let meaning = Journal::open(&path, WORD, true, |_: String| ()).map(|_| ()).unwrap_err();
    assert!(matches!(meaning, Error::Damaged { line: 2, damage: Damage::Meaning(_), .. }), "{meaning}");
}

#[test]
fn one_process_at_a_time() {
    let dir = TempDir::new();
    let path = dir.file("j");
    let held = open(&path).unwrap();
    assert!(matches!(open(&path), Err(Error::Locked { .. })));
    drop(held);
    open(&path).unwrap();
}

#[test]
fn written_anew_while_others_append() {
    let dir = TempDir::new();
    let path = dir.file("j");
    fs::write(beside(&path, ".new"), "left by a crash").unwrap();
    let (journal, ..) = open(&path).unwrap();
    for record in 0..1000 {
        journal.append(format!("[{record}]").as_bytes(), 1).unwrap();
    }
    let before = journal.state().0;
    std::thread::scope(|scope| {
        scope.spawn(|| (1000..1200).for_each(|r| journal.append(format!("[{r}]").as_bytes(), 1).unwrap()));
        for _ in 0..5 {
            journal
                .rewrite(|record: u32| if record.is_multiple_of(10) || record >= 1000 { vec![record] } else { vec![] })
                .unwrap();
        }
    });
    assert!(journal.state().0 < before);
    drop(journal);
    let (_, opened, all) = open(&path).unwrap();
    let wanted: Vec<u32> = (0..1000).step_by(10).chain(1000..1200).collect();
    assert_eq!((all, opened.torn), (wanted, None));
    assert!(!beside(&path, ".new").exists());
}

#[test]
fn a_suspect_journal_takes_nothing_until_it_is_written_anew() {
    let dir = TempDir::new();
    let path = dir.file("j");
    let (journal, ..) = open(&path).unwrap();
    journal.append(b"[1]", 1).unwrap();
    lock(&journal.writer).suspect = true;
    // What a failed fsync left behind.
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"sum\":\"").unwrap();
    assert!(journal.is_suspect() && journal.append(b"[2]", 1).is_err());
    journal.rewrite(|record: u32| vec![record]).unwrap();
    journal.append(b"[3]", 1).unwrap();
    drop(journal);
    assert_eq!(open(&path).unwrap().2, [1, 3]);
}

#[test]
fn a_journal_changed_under_a_running_process_is_not_written_anew() {
    let dir = TempDir::new();
    let path = dir.file("j");
    let (journal, ..) = open(&path).unwrap();
    journal.append(b"[1]", 1).unwrap();
    journal.append(b"[2]", 1).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes.len() as u64 - 3).unwrap();
    assert!(journal.rewrite(|record: u32| vec![record]).is_err());
    assert_eq!(fs::read(&path).unwrap().len(), bytes.len() - 3, "it is left as it was found");
}
