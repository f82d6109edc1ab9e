//! A line of the journal: `{"sum":"1a2b3c4d","records":[…]}`. All records of one write are in one line, so that a write that
//! was cut off is one bad line, the last. The sum is the CRC-32 of all records from the first line on, so a line that is
//! missing, doubled or in another place is found as well as one that was changed.

const START: &[u8] = b"{\"sum\":\"";
const MIDDLE: &[u8] = b"\",\"records\":";
const END: &[u8] = b"}\n";

/// Appends a line with these records, a JSON array, to `out`.
pub(crate) fn encode(out: &mut Vec<u8>, records: &[u8], sum: u32) -> u32 {
    let sum = chain(sum, records);
    out.extend_from_slice(START);
    out.extend_from_slice(format!("{sum:08x}").as_bytes());
    out.extend_from_slice(MIDDLE);
    out.extend_from_slice(records);
    out.extend_from_slice(END);
    sum
}

/// The records of a line and the sum with them; `None` where they are not those that were written after `sum`.
pub(crate) fn decode(line: &[u8], sum: u32) -> Option<(&[u8], u32)> {
    let rest = line.strip_prefix(START)?;
    let (said, rest) = rest.split_at_checked(8)?;
    let records = rest.strip_prefix(MIDDLE)?.strip_suffix(END)?;
    let sum = chain(sum, records);
    (said == format!("{sum:08x}").as_bytes()).then_some((records, sum))
}

/// Whether another line begins within this one: then its end was changed. What our records hold cannot look like that,
/// because quotes within JSON strings are escaped.
pub(crate) fn holds_another(line: &[u8]) -> bool {
    line.windows(START.len()).skip(1).any(|window| window == START)
}

fn chain(sum: u32, records: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(sum);
    hasher.update(records);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_cut_or_misplaced_line_is_found() {
        let mut line = Vec::new();
        // CRC-32 of `[1]` (ISO-HDLC), by Python's zlib.crc32.
        let sum = encode(&mut line, b"[1]", 0);
        assert_eq!(line, b"{\"sum\":\"4c2f32b8\",\"records\":[1]}\n");
        assert_eq!(decode(&line, 0), Some((b"[1]".as_slice(), sum)));
        assert_eq!(decode(&line, 1), None);
        for at in 0..line.len() {
            assert_eq!(decode(&line[..at], 0), None, "cut at {at}");
            for bit in 0..8 {
                let mut changed = line.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(decode(&changed, 0), None, "bit {bit} of byte {at}");
            }
        }
        assert!(!holds_another(&line) && holds_another(&line.repeat(2)));
    }
}
