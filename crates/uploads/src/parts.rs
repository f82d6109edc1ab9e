//! How a file is cut into parts ("Amazon S3 multipart upload limits" of the Amazon S3 User Guide).

use crate::refused::{BadRequest, Refused};

/// The least size of a part that is not the last, in bytes.
pub const MIN_PART: u64 = 5 << 20;

/// The largest part, in bytes.
pub const MAX_PART: u64 = 5 << 30;

/// The most parts of one upload.
pub const MAX_PARTS: u32 = 10_000;

/// The largest file that parts can make, in bytes.
pub const MAX_MULTIPART: u64 = MAX_PART * MAX_PARTS as u64;

/// Where nobody says otherwise: few requests for films, and little to send again when one fails.
const USUAL_PART: u64 = 16 << 20;

/// The size of our parts for a file of this many bytes: 16 MiB, or what 10,000 parts need, in whole MiB.
pub fn usual_part_size(largest: u64) -> u64 {
    let needed = largest.div_ceil(MAX_PARTS.into()).next_multiple_of(1 << 20);
    needed.clamp(USUAL_PART, MAX_PART)
}

/// The size of Uppy's parts where its `getChunkSize` is left out, in versions 5 and 6.
pub fn uppy_part_size(size: u64) -> u64 {
    size.div_ceil(MAX_PARTS.into()).clamp(MIN_PART, MAX_PART)
}

/// A size that a client chose.
pub fn check_part_size(part_size: u64, size: Option<u64>) -> Result<u64, BadRequest> {
    if !(MIN_PART..=MAX_PART).contains(&part_size) {
        return Err(BadRequest::new("part_size", format!("is not from {MIN_PART} to {MAX_PART} bytes")));
    }
    if size.is_some_and(|size| size.div_ceil(part_size) > MAX_PARTS.into()) {
        return Err(BadRequest::new("part_size", format!("makes more than {MAX_PARTS} parts")));
    }
    Ok(part_size)
}

/// The length that this part has to have, where the size of the whole is known. Parts are numbered from 1.
pub fn part_length(number: u32, size: Option<u64>, part_size: u64, max_size: u64) -> Result<Option<u64>, Refused> {
    // Of a size that is not known: every part but the last has the least size or more.
    let most = match size {
        Some(size) => size.div_ceil(part_size.max(1)).max(1),
        None => max_size / MIN_PART + 1,
    };
    let most = u32::try_from(most).unwrap_or(MAX_PARTS).min(MAX_PARTS);
    if number == 0 || number > most {
        return Err(Refused::PartNumber { number, most });
    }
    let before = u64::from(number - 1).saturating_mul(part_size);
    Ok(size.map(|size| size.saturating_sub(before).min(part_size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    #[test]
    fn sizes_of_parts() {
        for (largest, part) in [
            (0, 16 * MIB),
            (GIB, 16 * MIB),
            (160_000 * MIB, 16 * MIB),
            (160_000 * MIB + 1, 17 * MIB),
            (5 * GIB * 1024, 525 * MIB),
            (MAX_MULTIPART, MAX_PART),
            (u64::MAX, MAX_PART),
        ] {
            assert_eq!(usual_part_size(largest), part, "{largest}");
            assert!(largest > MAX_MULTIPART || largest.div_ceil(part) <= 10_000);
        }
        assert_eq!(uppy_part_size(11 * MIB), 5 * MIB);
        assert_eq!(uppy_part_size(100 * GIB), (100 * GIB).div_ceil(10_000));
        assert!(check_part_size(MIN_PART - 1, None).is_err() && check_part_size(MAX_PART + 1, None).is_err());
        assert!(check_part_size(MIN_PART, Some(MIN_PART * 10_000)).is_ok());
        assert!(check_part_size(MIN_PART, Some(MIN_PART * 10_000 + 1)).is_err());
    }

    #[test]
    fn the_lengths_add_up_to_the_size() {
        for size in [0, 1, MIN_PART - 1, MIN_PART, MIN_PART + 1, 3 * MIN_PART, 7 * MIN_PART + 11] {
            let lengths =
                (1..).map_while(|number| part_length(number, Some(size), MIN_PART, GIB).ok()).map(Option::unwrap);
            let lengths: Vec<_> = lengths.collect();
            assert_eq!(lengths.iter().sum::<u64>(), size);
            let (last, others) = lengths.split_last().unwrap();
            assert!(others.iter().all(|length| *length == MIN_PART) && (*last > 0 || size == 0), "{lengths:?}");
        }
    }

    #[test]
    fn numbers_have_bounds() {
        let most = |size, max_size| match part_length(0, size, MIN_PART, max_size) {
            Err(Refused::PartNumber { most, .. }) => most,
            other => panic!("{other:?}"),
        };
        assert_eq!(most(Some(0), GIB), 1);
        assert_eq!(most(Some(MIN_PART), GIB), 1);
        assert_eq!(most(Some(MIN_PART + 1), GIB), 2);
        assert_eq!(most(None, 20 * MIB), 5);
        assert_eq!(most(None, u64::MAX), MAX_PARTS);
        assert_eq!(most(Some(u64::MAX), u64::MAX), MAX_PARTS);
        assert!(part_length(u32::MAX, None, MIN_PART, u64::MAX).is_err());
        assert_eq!(part_length(5, None, MIN_PART, 20 * MIB), Ok(None));
    }
}
